#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""onnx_step.py MODEL.onnx --threads N [--seconds S]: one call in onnxruntime as one line of JSON, as torch_step.py has
it. The model is what `gradc export --onnx` writes of the same file; the weights do not change, so onnxruntime packs
them when it loads them. first_s is the time from --begin to the end of the first call.
"""

import argparse

import numpy as np
import onnxruntime as ort
from measure import measure, print_row


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
    times, first = measure(make_call(a), a.seconds)
    print_row(times, first - a.begin if a.begin else 0, a.threads)


if __name__ == "__main__":
    main()
