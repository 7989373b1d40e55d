#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ort.py FOLDER...: folders with a model.onnx and test_data_set_N, as `gradc export --test-data` writes them, by
onnx.checker and onnxruntime. A line for each: folder, nodes, largest difference, `passed` or what is wrong.
Floats are equal within 1e-5 + 1e-4 |expected|, those of 16 bits 2e-3 + 1e-2 |expected|, integers exactly.
onnx 1.23.2, onnxruntime 1.32.0, numpy."""
import glob
import sys

import numpy as np
import onnx
import onnxruntime as ort
from onnx import numpy_helper


def tensor(path):
    with open(path, "rb") as f:
        t = onnx.TensorProto.FromString(f.read())
    return t.name, numpy_helper.to_array(t)


def value(array):
    if array.dtype.name == "bfloat16":
        return ort.OrtValue.ortvalue_from_numpy_with_onnx_type(array.view(np.uint16), onnx.TensorProto.BFLOAT16)
    return ort.OrtValue.ortvalue_from_numpy(array)


def difference(got, want):
    if got.shape != want.shape or got.dtype != want.dtype:
        return f"{got.dtype}{got.shape}, not {want.dtype}{want.shape}", 0
    least, bound = (1e-5, 1e-4) if want.dtype.itemsize > 2 else (2e-3, 1e-2)
    got, want = got.astype(np.float64), want.astype(np.float64)
    same = (got == want) | (np.isnan(got) & np.isnan(want))
    with np.errstate(invalid="ignore"):
        d = np.where(same, 0, np.abs(got - want))
    bad = d > np.where(np.isfinite(want), least + bound * np.abs(want), 0)
    return ("differs" if bad.any() else ""), float(d.max()) if d.size else 0.0


def run(folder):
    path = folder + "/model.onnx"
    onnx.checker.check_model(path, full_check=True)
    nodes = len(onnx.load(path, load_external_data=False).graph.node)
    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    most = 0.0
    for data in sorted(glob.glob(folder + "/test_data_set_*")):
        feeds = {n: value(a) for n, a in map(tensor, glob.glob(data + "/input_*.pb"))}
        wanted = dict(tensor(p) for p in glob.glob(data + "/output_*.pb"))
        names = [o.name for o in session.get_outputs()]
        for name, got in zip(names, session.run_with_ort_values(names, feeds)):
            got = got.numpy() if wanted[name].dtype.name != "bfloat16" else wanted[name] * 0 + np.array(got)
            why, d = difference(got, wanted[name])
            most = max(most, d)
            if why:
                return nodes, most, f"{name} {why}"
    return nodes, most, "passed"


failed = 0
for folder in sys.argv[1:]:
    try:
        nodes, most, result = run(folder.rstrip("/"))
    except Exception as e:  # of the checker or of onnxruntime
        nodes, most, result = 0, 0, str(e).replace("\n", " ")[:300]
    failed += result != "passed"
    print(f"| {folder} | {nodes} | {most:.1e} | {result} |")
sys.exit(failed > 0)
