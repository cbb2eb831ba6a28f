"""The sentence encoder as a function of its tensors, and the files that these lie in.

Must compute what `valet-model` exports: the exact gelu, the mean over all rows, token type 0.
"""

import json
import os
import struct

import jax
import jax.numpy as jnp
import numpy as np

WORDS = "embeddings.word_embeddings.weight"
MAX_HEADER_BYTES = 1 << 20


def read_config(folder):
    """`config.json` of a folder of weights."""
    with open(os.path.join(folder, "config.json"), encoding="utf-8") as file:
        return json.load(file)


def read_weights(folder):
    """The F32 tensors of `model.safetensors` by name."""
    with open(os.path.join(folder, "model.safetensors"), "rb") as file:
        data = file.read()
    (length,) = struct.unpack("<Q", data[:8])
    if length > min(MAX_HEADER_BYTES, len(data)):
        raise SystemExit(f"distil: {folder}: the header of the weights claims {length} bytes")
    header = json.loads(data[8 : 8 + length])
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__" and entry["dtype"] == "F32" and not name.startswith("pooler."):
            start, end = (8 + length + offset for offset in entry["data_offsets"])
            tensors[name] = np.frombuffer(data[start:end], np.float32).reshape(entry["shape"])
    return tensors


def write_weights(folder, tensors, config):
    """`model.safetensors` and `config.json`, as `valet-model` reads them."""
    os.makedirs(folder, exist_ok=True)
    header, chunks, end = {}, [], 0
    for name in sorted(tensors):
        chunk = np.asarray(tensors[name], np.float32)
        start, end = end, end + chunk.nbytes
        header[name] = {"dtype": "F32", "shape": list(chunk.shape), "data_offsets": [start, end]}
        chunks.append(chunk.tobytes())
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    partial = os.path.join(folder, "model.safetensors.part")
    with open(partial, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.writelines(chunks)
    os.replace(partial, os.path.join(folder, "model.safetensors"))
    with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as file:
        json.dump(config, file, indent=2, sort_keys=True)
        file.write("\n")


def _normalised(tensors, name, rows, epsilon):
    rows = rows - rows.mean(-1, keepdims=True)
    rows = rows / jnp.sqrt((rows * rows).mean(-1, keepdims=True) + epsilon)
    return rows * tensors[f"{name}.weight"] + tensors[f"{name}.bias"]


def _linear(tensors, name, rows):
    return rows @ tensors[f"{name}.weight"].T + tensors[f"{name}.bias"]


def _attention(tensors, name, rows, mask, heads):
    texts, length, width = rows.shape

    def split(part):
        part = _linear(tensors, f"{name}.self.{part}", rows)
        return part.reshape(texts, length, heads, width // heads)

    scores = jnp.einsum("bqhd,bkhd->bhqk", split("query"), split("key"))
    scores = scores / jnp.sqrt(width / heads) + (mask[:, None, None, :] - 1.0) * 1e9
    mixed = jnp.einsum("bhqk,bkhd->bqhd", jax.nn.softmax(scores, -1), split("value"))
    return _linear(tensors, f"{name}.output.dense", mixed.reshape(texts, length, width))


def encode(tensors, shape, numbers, mask):
    """Sentence vectors `[B, D]` and the rows of the token layer `[B, S, D]`.

    `shape` is (layers, heads, token layer, epsilon); `mask` is 1 where there is a piece.
    """
    layers, heads, token_layer, epsilon = shape
    rows = tensors[WORDS][numbers]
    rows = rows + tensors["embeddings.position_embeddings.weight"][: numbers.shape[1]]
    rows = rows + tensors["embeddings.token_type_embeddings.weight"][0]
    rows = _normalised(tensors, "embeddings.LayerNorm", rows, epsilon)
    tokens = rows
    for layer in range(layers):
        name = f"encoder.layer.{layer}"
        mixed = _attention(tensors, f"{name}.attention", rows, mask, heads)
        rows = _normalised(tensors, f"{name}.attention.output.LayerNorm", rows + mixed, epsilon)
        inner = jax.nn.gelu(_linear(tensors, f"{name}.intermediate.dense", rows), approximate=False)
        outer = _linear(tensors, f"{name}.output.dense", inner)
        rows = _normalised(tensors, f"{name}.output.LayerNorm", rows + outer, epsilon)
        if layer + 1 == token_layer:
            tokens = rows
    sums = (rows * mask[:, :, None]).sum(1)
    return sums / mask.sum(1, keepdims=True), tokens


def shape_of(config, token_layer):
    """What `encode` has to know of a configuration."""
    return (
        config["num_hidden_layers"],
        config["num_attention_heads"],
        token_layer,
        config["layer_norm_eps"],
    )
