"""Matrix products by llama.cpp's own kernels (ggml), for `valet-bench products` to stand beside.

Holds the matrices of SmolLM2-135M's 30 layers in Q4_0, the format llama.cpp is fastest with, repacked as it
does itself, and multiplies all of them with so many rows of floats for each number it reads:
one line in, one line out, {"wall": seconds, "cpu": seconds}. One thread. The weights are of any
values; the time of a product does not depend on them. Must not be imported.
"""

import array
import ctypes
import importlib.metadata
import json
import os
import sys
import time

import xllamacpp

LAYER = [(576, 576), (576, 192), (576, 192), (576, 576), (576, 1536), (576, 1536), (1536, 576)]
LAYERS = 30
F32, Q4_0 = 0, 2
Q4_0_BLOCK, Q4_0_BYTES = 32, 18


class InitParams(ctypes.Structure):
    """`struct ggml_init_params` of ggml.h."""

    _fields_ = [("size", ctypes.c_size_t), ("buffer", ctypes.c_void_p), ("no_alloc", ctypes.c_bool)]


def function(library, name, result, *arguments):
    found = getattr(library, name)
    found.restype = result
    found.argtypes = arguments
    return found


pointer, integer, size = ctypes.c_void_p, ctypes.c_int64, ctypes.c_size_t
library = ctypes.CDLL(os.path.join(os.path.dirname(xllamacpp.__file__), "xllamacpp.abi3.so"))
init = function(library, "ggml_init", pointer, InitParams)
tensor = function(library, "ggml_new_tensor_2d", pointer, pointer, ctypes.c_int, integer, integer)
product = function(library, "ggml_mul_mat", pointer, pointer, pointer, pointer)
graph_of = function(library, "ggml_new_graph", pointer, pointer)
expand = function(library, "ggml_build_forward_expand", None, pointer, pointer)
backend_init = function(library, "ggml_backend_cpu_init", pointer)
threads = function(library, "ggml_backend_cpu_set_n_threads", None, pointer, ctypes.c_int)
compute = function(library, "ggml_backend_graph_compute", ctypes.c_int, pointer, pointer)
put = function(library, "ggml_backend_tensor_set", None, pointer, ctypes.c_char_p, size, size)
place = function(
    library, "ggml_backend_alloc_ctx_tensors_from_buft", pointer, pointer, pointer
)
plain = function(library, "ggml_backend_cpu_buffer_type", pointer)
# Not part of the C interface; exported under its C++ name.
repacked = function(library, "_Z35ggml_backend_cpu_repack_buffer_typev", pointer)


def context():
    return init(InitParams(16 << 20, None, True))


def weights():
    """All matrices, in memory that repacks what is put into it."""
    held = context()
    matrices = [(k, tensor(held, Q4_0, k, n), k * n) for k, n in LAYER * LAYERS]
    if not place(held, repacked()):
        sys.exit("no memory for the weights")
    half = b"\x00\x2c"  # 1/16
    for _, matrix, count in matrices:
        blocks = count // Q4_0_BLOCK
        data = (half + bytes(range(7, 7 + 16 * 13, 13))) * blocks
        assert len(data) == blocks * Q4_0_BYTES
        put(matrix, data, 0, len(data))
    return matrices


def graph(matrices, rows):
    """All products with `rows` rows, and their inputs."""
    held = context()
    inputs = {k: tensor(held, F32, k, rows) for k in {k for k, _, _ in matrices}}
    products = [product(held, matrix, inputs[k]) for k, matrix, _ in matrices]
    if not place(held, plain()):
        sys.exit("no memory for the rows")
    for k, tensor_of_rows in inputs.items():
        values = array.array("f", ((i * 37 % 101 - 50) / 25 for i in range(k * rows))).tobytes()
        put(tensor_of_rows, values, 0, len(values))
    made = graph_of(held)
    for one in products:
        expand(made, one)
    return made


def main():
    backend = backend_init()
    threads(backend, 1)
    matrices = weights()
    graphs = {}
    version = importlib.metadata.version("xllamacpp")
    print(json.dumps({"name": f"llama.cpp of xllamacpp {version}"}), flush=True)
    for line in sys.stdin:
        rows = int(line)
        if rows not in graphs:
            graphs[rows] = graph(matrices, rows)
            compute(backend, graphs[rows])
        wall, cpu = time.perf_counter(), time.process_time()
        if compute(backend, graphs[rows]) != 0:
            sys.exit("ggml failed")
        took = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
        print(json.dumps(took), flush=True)


main()
