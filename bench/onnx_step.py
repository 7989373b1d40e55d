#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""onnx_step.py MODEL.onnx --threads N [--seconds S]: one call in onnxruntime as one line of JSON, as torch_step.py has
it. The model is what `gradc export --onnx` writes of the same file; the weights do not change, so onnxruntime packs
them when it loads them. first_s is the time from --begin to the end of the first call.
"""

import argparse
import json
import resource
import statistics
import time

import numpy as np
import onnxruntime as ort


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("model")
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--seconds", type=float, default=6.0, help="time to measure for (at least 3 calls)")
    p.add_argument("--begin", type=float, default=0.0, help="when the process was started")
    return p.parse_args()


def make_call(a):
    o = ort.SessionOptions()
    o.intra_op_num_threads, o.inter_op_num_threads = a.threads, 1
    o.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = ort.InferenceSession(a.model, o, providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(1)
    feed = {}
    for x in session.get_inputs():
        integer = "int" in x.type
        feed[x.name] = rng.integers(0, 64, x.shape, np.int32) if integer else rng.random(x.shape, np.float32)
    return lambda: session.run(None, feed)


def main():
    a = arguments()
    call = make_call(a)
    call()
    first = time.time() - a.begin
    for _ in range(2):
        call()
    times, begin = [], time.perf_counter()
    while len(times) < 3 or time.perf_counter() - begin < a.seconds:
        t = time.perf_counter()
        call()
        times.append(time.perf_counter() - t)
    times.sort()
    ms = {"median": statistics.median(times), "min": times[0], "p90": times[int(0.9 * len(times))]}
    print(
        json.dumps(
            {
                "step_ms": {k: round(v * 1e3, 5) for k, v in ms.items()},
                "steps": len(times),
                "first_s": round(first, 3) if a.begin else 0,
                "threads": a.threads,
                "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            }
        ),
        flush=True,
    )


if __name__ == "__main__":
    main()
