"""Teaches a smaller sentence encoder to give the vectors of a larger one.

The student begins as some of the teacher's layers, over a vocabulary that may be smaller, and is
taught on texts alone, without labels: its sentence vectors are to be the teacher's, the likeness of
any two sentences too, and the mean of a word's rows in the token layer that of the teacher's.

Ends by the clock and goes on where it was stopped. Must never see a text that figures are
measured on: give it the training parts of data sets only.
"""

import argparse
import hashlib
import json
import os
import shutil
import time

import jax
import jax.numpy as jnp
import numpy as np

import encoder
from wordpiece import Vocabulary

LONGEST = 64
BATCH = 64
CHUNK = 1024
PEAK_RATE = 3e-4
WARM_UP_STEPS = 100
DECAY = 0.01
SAVE_SECONDS = 240


def say(text):
    print(f"distil: {text}", flush=True)


def read_texts(paths):
    """Every different text of JSON lines (`text`) or plain lines, split into taught and held out."""
    texts = {}
    for path in paths:
        with open(path, encoding="utf-8") as lines:
            for line in filter(str.strip, lines):
                text = json.loads(line)["text"] if path.endswith("jsonl") else line.strip()
                texts.setdefault(text.strip().lower(), text.strip())
    # By a hash, so that the same texts are held out in every run and from every file.
    held = {key for key in texts if hashlib.sha256(key.encode()).digest()[0] < 5}
    taught = [text for key, text in texts.items() if key not in held]
    return taught, [texts[key] for key in sorted(held)]


def fingerprint(*parts):
    """Twelve digits that tell what was made of other inputs."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]


def batches(cuts, order):
    """Places of texts that are about as long, in batches; `order` shuffles."""
    places = sorted(order, key=lambda place: -(-len(cuts[place][0]) // 8))
    groups = [places[begin : begin + BATCH] for begin in range(0, len(places), BATCH)]
    return [groups[place] for place in np.random.default_rng(len(order)).permutation(len(groups))]


def packed(cuts, places):
    """Arrays of one shape a length: numbers, mask, and the share of each piece in its word."""
    longest = max(len(cuts[place][0]) for place in places)
    length = -(-longest // 8) * 8
    numbers = np.zeros((BATCH, length), np.int32)
    mask = np.zeros((BATCH, length), np.float32)
    # A row that stands for no text has one piece, so that nothing is divided by zero.
    mask[len(places) :, 0] = 1.0
    shares = np.zeros((BATCH, LONGEST, length), np.float32)
    for row, place in enumerate(places):
        pieces, owners = cuts[place]
        numbers[row, : len(pieces)] = pieces
        mask[row, : len(pieces)] = 1.0
        for column, word in enumerate(owners):
            if 0 <= word < LONGEST:
                shares[row, word, column] = 1.0
    shares /= np.maximum(shares.sum(-1, keepdims=True), 1.0)
    return numbers, mask, shares


def vectors(tensors, shape, numbers, mask, shares):
    """Sentence vectors of length one, and word rows."""
    sentences, tokens = encoder.encode(tensors, shape, numbers, mask)
    sentences = sentences / jnp.linalg.norm(sentences, axis=-1, keepdims=True)
    return sentences, jnp.einsum("bws,bsd->bwd", shares, tokens)


def teach_targets(folder, tensors, shape, cuts, name):
    """The teacher's vectors of every text, chunk by chunk on the disk, made once."""
    tensors = {tensor: jnp.asarray(value) for tensor, value in tensors.items()}
    run = jax.jit(vectors, static_argnums=1)
    sentences, words = [], []
    os.makedirs(folder, exist_ok=True)
    for begin in range(0, len(cuts), CHUNK):
        path = os.path.join(folder, f"{name}-{begin:07}.npz")
        if not os.path.exists(path):
            places = range(begin, min(begin + CHUNK, len(cuts)))
            found = {}
            for group in batches(cuts, places):
                some, rows = run(tensors, shape, *packed(cuts, group))
                for row, place in enumerate(group):
                    count = 1 + max(cuts[place][1])
                    found[place] = (np.asarray(some[row]), np.asarray(rows[row, :count], np.float16))
            np.savez(
                f"{path}.part.npz",
                sentences=np.stack([found[place][0] for place in places]),
                words=np.concatenate([found[place][1] for place in places]),
            )
            os.replace(f"{path}.part.npz", path)
            say(f"teacher: {min(begin + CHUNK, len(cuts))} of {len(cuts)} texts ({name})")
        with np.load(path) as chunk:
            sentences.append(chunk["sentences"])
            words.append(chunk["words"])
    counts = np.array([1 + max(owners) for _, owners in cuts])
    return np.concatenate(sentences), np.concatenate(words), np.concatenate([[0], counts.cumsum()])


def targets_of(targets, places):
    sentences, words, starts = targets
    rows = np.zeros((BATCH, LONGEST, words.shape[1]), np.float32)
    wanted = np.zeros((BATCH, sentences.shape[1]), np.float32)
    for row, place in enumerate(places):
        own = words[starts[place] : starts[place + 1]][:LONGEST]
        rows[row, : len(own)] = own
        wanted[row] = sentences[place]
    return wanted, rows


def measures(tensors, shape, inputs, wanted, rows):
    """Cosine of sentences and of words to the teacher's, and the error of likenesses."""
    sentences, words = vectors(tensors, shape, *inputs)
    real = (jnp.abs(wanted).sum(-1) > 0).astype(jnp.float32)
    cosine = ((sentences * wanted).sum(-1) * real).sum() / real.sum()
    said = ((jnp.abs(rows).sum(-1) > 0) & (jnp.abs(words).sum(-1) > 0)).astype(jnp.float32)
    norms = jnp.sqrt((words * words).sum(-1) * (rows * rows).sum(-1) + 1e-6)
    word = ((words * rows).sum(-1) / norms * said).sum() / jnp.maximum(said.sum(), 1.0)
    pairs = real[:, None] * real[None, :]
    off = (sentences @ sentences.T - wanted @ wanted.T) * pairs
    return cosine, word, (off * off).sum() / pairs.sum()


def loss(tensors, shape, inputs, wanted, rows):
    cosine, word, likeness = measures(tensors, shape, inputs, wanted, rows)
    return (1.0 - cosine) + 0.5 * (1.0 - word) + 4.0 * likeness


def judged(tensors, shape, cuts, targets):
    """Mean cosines of the held-out texts."""
    run = jax.jit(measures, static_argnums=1)
    found, weights = [], []
    for group in batches(cuts, range(len(cuts))):
        found.append(run(tensors, shape, packed(cuts, group), *targets_of(targets, group))[:2])
        weights.append(len(group))
    return np.average(np.array(found), axis=0, weights=weights)


def step_of(shape):
    """One step of AdamW."""

    def step(state, inputs, wanted, rows, rate):
        tensors, first, second, count = state
        error, slope = jax.value_and_grad(loss)(tensors, shape, inputs, wanted, rows)
        size = jnp.sqrt(sum((part * part).sum() for part in slope.values()))
        slope = {name: part * jnp.minimum(1.0, 1.0 / size) for name, part in slope.items()}
        count = count + 1
        first = {name: 0.9 * first[name] + 0.1 * slope[name] for name in slope}
        second = {name: 0.98 * second[name] + 0.02 * slope[name] ** 2 for name in slope}

        def moved(name, old):
            by = first[name] / (1 - 0.9**count) / (jnp.sqrt(second[name] / (1 - 0.98**count)) + 1e-8)
            return old - rate * (by + (DECAY * old if old.ndim > 1 else 0.0))

        return ({name: moved(name, old) for name, old in tensors.items()}, first, second, count), error

    return jax.jit(step, donate_argnums=0)


def begin_student(teacher, cut, layers):
    """The teacher's `layers` (counted from 1) over the embedding of `cut`."""
    kept = {name: value for name, value in cut.items() if not name.startswith("encoder.")}
    for place, layer in enumerate(layers):
        old = f"encoder.layer.{layer - 1}."
        for name, value in teacher.items():
            if name.startswith(old):
                kept[f"encoder.layer.{place}.{name[len(old):]}"] = value
    return {name: jnp.asarray(value) for name, value in kept.items()}


def save(path, state, progress):
    tensors, first, second, count = state
    parts = {f"t/{n}": v for n, v in tensors.items()}
    parts |= {f"1/{n}": v for n, v in first.items()} | {f"2/{n}": v for n, v in second.items()}
    np.savez(f"{path}.part.npz", count=count, progress=json.dumps(progress), **parts)
    os.replace(f"{path}.part.npz", path)


def load(path):
    with np.load(path) as file:
        progress = json.loads(str(file["progress"]))
        parts = {
            kind: {n[2:]: jnp.asarray(file[n]) for n in file.files if n.startswith(f"{kind}/")}
            for kind in "t12"
        }
        return (parts["t"], parts["1"], parts["2"], jnp.asarray(file["count"])), progress


def taught(arguments, shape, state, progress, lessons):
    """Runs until the clock says so; saves on the way."""
    cuts, targets = lessons
    step, total = step_of(shape), arguments.minutes * 60.0
    began = saved = time.monotonic()
    before, errors = progress["seconds"], []
    while True:
        progress["epoch"] += 1
        order = np.random.default_rng(progress["epoch"]).permutation(len(cuts))
        for group in batches(cuts, list(order)):
            progress["seconds"] = before + time.monotonic() - began
            share = min(1.0, progress["seconds"] / total)
            rate = PEAK_RATE * min(1.0, (int(state[3]) + 1) / WARM_UP_STEPS)
            rate *= 0.5 * (1 + np.cos(np.pi * share)) + 0.01
            state, error = step(state, packed(cuts, group), *targets_of(targets, group), rate)
            errors.append(float(error))
            if len(errors) == 50:
                say(
                    f"step {int(state[3])}, epoch {progress['epoch']}, {share:.0%} of the time,"
                    f" error {np.mean(errors):.4f}"
                )
                errors.clear()
            if time.monotonic() - saved > SAVE_SECONDS or share >= 1.0:
                save(os.path.join(arguments.work, "state.npz"), state, progress)
                saved = time.monotonic()
            if share >= 1.0:
                return state


def parsed():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--teacher", required=True, help="folder of the teacher's weights")
    parser.add_argument("--cut", required=True, help="folder of the weights whose vocabulary the student has")
    parser.add_argument("--work", required=True, help="folder for what is kept between runs")
    parser.add_argument("--out", required=True, help="folder for the student's weights")
    parser.add_argument("--layers", default="2,4,6", help="layers of the teacher that the student begins with")
    parser.add_argument("--token-layer", type=int, default=4, help="the teacher's token layer")
    parser.add_argument("--minutes", type=float, default=100.0, help="time for teaching, all runs together")
    parser.add_argument("texts", nargs="+", help="JSON lines with a text, or plain lines")
    return parser.parse_args()


def main():
    arguments = parsed()
    layers = [int(layer) for layer in arguments.layers.split(",")]
    if arguments.token_layer not in layers:
        raise SystemExit(f"distil: the token layer {arguments.token_layer} is not among {layers}")
    token_layer = layers.index(arguments.token_layer) + 1
    teacher, cut = encoder.read_weights(arguments.teacher), encoder.read_weights(arguments.cut)
    teacher_config = encoder.read_config(arguments.teacher)
    config = encoder.read_config(arguments.cut) | {
        "num_hidden_layers": len(layers),
        "token_layer": token_layer,
    }
    taught_texts, held = read_texts(arguments.texts)
    say(f"{len(taught_texts)} texts to teach on, {len(held)} held out")
    vocabularies = [Vocabulary(os.path.join(folder, "vocab.txt")) for folder in (arguments.teacher, arguments.cut)]
    cuts = [[v.cut(text, LONGEST) for text in part] for v in vocabularies for part in (taught_texts, held)]
    shape = encoder.shape_of(teacher_config, arguments.token_layer)
    # Targets of other texts or another teacher lie in other folders.
    folder = fingerprint(taught_texts, held, teacher_config, arguments.token_layer)
    folder = os.path.join(arguments.work, f"targets-{folder}")
    lessons = teach_targets(folder, teacher, shape, cuts[0], "taught")
    exam = teach_targets(folder, teacher, shape, cuts[1], "held")
    shape = encoder.shape_of(config, token_layer)
    state_file = os.path.join(arguments.work, "state.npz")
    of = fingerprint(config, layers, sorted(vocabularies[1].numbers))
    if os.path.exists(state_file):
        state, progress = load(state_file)
        if progress["of"] != of:
            raise SystemExit(f"distil: {state_file} is of a student of another shape; remove it or take another ID")
        say(f"going on after {progress['seconds'] / 60:.0f} minutes")
    else:
        tensors = begin_student(teacher, cut, layers)
        zeros = lambda: {name: jnp.zeros_like(value) for name, value in tensors.items()}
        state, progress = (tensors, zeros(), zeros(), jnp.asarray(0)), {"of": of, "epoch": 0, "seconds": 0.0}
        progress["before"] = [float(part) for part in judged(tensors, shape, cuts[3], exam)]
        say("before: cosine to the teacher, sentences {:.4f}, words {:.4f}".format(*progress["before"]))
    state = taught(arguments, shape, state, progress, (cuts[2], lessons))
    after = [float(part) for part in judged(state[0], shape, cuts[3], exam)]
    say("after: cosine to the teacher, sentences {:.4f}, words {:.4f}".format(*after))
    encoder.write_weights(arguments.out, state[0], config)
    shutil.copyfile(os.path.join(arguments.cut, "vocab.txt"), os.path.join(arguments.out, "vocab.txt"))
    print(json.dumps({"before": progress["before"], "after": after, "steps": int(state[3]), "seconds": round(progress["seconds"])}))


if __name__ == "__main__":
    main()
