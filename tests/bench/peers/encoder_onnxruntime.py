"""The sentence encoder on onnxruntime, for `valet-bench encoder` to run beside its own.

    encoder_onnxruntime.py F32_GRAPH WORK

Quantizes the f32 graph as onnxruntime's documentation says (dynamic, int8 weights), once for each tensor and once
for each channel, keeps the file in WORK, and takes whichever is faster here. Then: one line in, the
piece numbers as JSON; one line out, {"wall": seconds, "cpu": seconds} of one run. One thread. Must not be imported.
"""

import json
import pathlib
import sys
import time

import numpy
import onnxruntime
from onnxruntime.quantization import QuantType, quantize_dynamic


def quantized(graph, work, per_channel):
    place = work / f"onnxruntime-int8-{'channel' if per_channel else 'tensor'}.onnx"
    quantize_dynamic(graph, place, weight_type=QuantType.QInt8, per_channel=per_channel)
    return place


def session(place):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(place, options, providers=["CPUExecutionProvider"])


def timed(model, ids):
    feed = {"input_ids": numpy.array(ids, dtype=numpy.int64)}
    wall, cpu = time.perf_counter(), time.process_time()
    model.run(None, feed)
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}


def best_of(model, ids, runs=60):
    return min(timed(model, ids)["wall"] for _ in range(runs))


graph, work = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
work.mkdir(parents=True, exist_ok=True)
sample = [101] + [2000 + 7 * number for number in range(14)] + [102]
candidates = [session(quantized(graph, work, per_channel)) for per_channel in (False, True)]
model = min(candidates, key=lambda candidate: best_of(candidate, sample))
which = "tensor" if model is candidates[0] else "channel"
print(json.dumps({"name": f"onnxruntime {onnxruntime.__version__}, int8 a {which}"}), flush=True)
for line in sys.stdin:
    print(json.dumps(timed(model, json.loads(line))), flush=True)
