#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""made.py DIR: models of one node, in forms that ONNX's own cases lack, with what onnxruntime 1.32.0 or onnx's reference
evaluator (1.23.2) computes. made.tar.gz has what it wrote."""
import os
import sys

import ml_dtypes
import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto as T
from onnx import helper as H
from onnx import numpy_helper as N
from onnx.reference import ReferenceEvaluator

R = np.random.RandomState(3)


def f(*shape, low=-1.0, high=1.0):
    return R.uniform(low, high, shape).astype(np.float32)


def ints(*values):
    return np.array(values, np.int64)


def info(name, a):
    return H.make_tensor_value_info(name, H.np_dtype_to_tensor_dtype(a.dtype), a.shape)


def save(name, nodes, feed, results, opset, domain="", judge="ort", want=None, functions=()):
    imports = [H.make_opsetid("", 21 if domain else opset)] + ([H.make_opsetid(domain, opset)] if domain else [])
    ports = [info(k, v) for k, v in feed.items()]
    graph = H.make_graph(nodes, "g", ports, [H.make_empty_tensor_value_info(r) for r in results])
    model = H.make_model(graph, opset_imports=imports, ir_version=10, functions=functions)
    if want is None and judge == "ort":
        want = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, feed)
    elif want is None:
        want = ReferenceEvaluator(model).run(None, feed)
    want = [np.asarray(w) for w in want]
    for port, w, r in zip(graph.output, want, results):
        port.CopyFrom(info(r, w))
    folder = os.path.join(sys.argv[1], name)
    os.makedirs(folder + "/test_data_set_0")
    onnx.save(H.make_model(graph, opset_imports=imports, ir_version=10, functions=functions), folder + "/model.onnx")
    for kind, arrays in (("input", feed.items()), ("output", zip(results, want))):
        for i, (k, v) in enumerate(arrays):
            with open(f"{folder}/test_data_set_0/{kind}_{i}.pb", "wb") as out:
                out.write(N.from_array(v, k).SerializeToString())


def one(name, op, inputs, results=1, opset=21, domain="", judge="ort", want=None, **attrs):
    names = ["" if x is None else f"x{i}" for i, x in enumerate(inputs)]
    out = [f"y{i}" for i in range(results)]
    feed = {n: x for n, x in zip(names, inputs) if n}
    save(name, [H.make_node(op, names, out, domain=domain, **attrs)], feed, out, opset, domain, judge, want)


def recurrent(name, op, lengths=None, way="forward", more=(), **attrs):
    gates, n, h, b = {"RNN": 1, "GRU": 3, "LSTM": 4}[op], 2 if way == "bidirectional" else 1, 4, 3
    x = [f(5, b, 2), f(n, gates * h, 2), f(n, gates * h, h), f(n, 2 * gates * h), lengths, f(n, b, h)]
    if op == "LSTM":
        x += [f(n, b, h), f(n, 3 * h)]
    one(name, op, x, 3 if op == "LSTM" else 2, 14, hidden_size=h, direction=way, **attrs)


short = np.array([5, 1, 3], np.int32)
for op in ("RNN", "GRU", "LSTM"):
    for way in ("forward", "reverse", "bidirectional"):
        recurrent(f"{op.lower()}_lengths_{way}", op, short, way)
    recurrent(f"{op.lower()}_clip", op, clip=0.3)
recurrent("rnn_activations", "RNN", way="bidirectional", activations=["LeakyRelu", "Affine"],
          activation_alpha=[0.2, 0.5], activation_beta=[0.1])
recurrent("gru_activations", "GRU", short, activations=["HardSigmoid", "Softsign"], activation_alpha=[0.3],
          activation_beta=[0.4], linear_before_reset=1)
recurrent("lstm_activations", "LSTM", activations=["Sigmoid", "ScaledTanh", "Relu"], activation_alpha=[0.7],
          activation_beta=[0.9])
recurrent("lstm_coupled", "LSTM", input_forget=1)

for mode in ("reflect", "wrap", "edge"):
    one(f"pad_far_{mode}", "Pad", [f(2, 3), ints(0, 7, 1, 4)], mode=mode, judge="ref")
one("pad_bool", "Pad", [f(2, 3) > 0, ints(1, 0, 0, 2), np.array(True)], judge="ref")
one("upsample_7", "Upsample", [f(1, 1, 2, 3)], opset=7, scales=[1.0, 1.0, 2.0, 3.0], mode="linear")
one("resize_nn", "Resize", [f(1, 1, 4, 5), np.array([], np.float32), np.array([1, 1, 1.5, 0.7], np.float32)], opset=11,
    coordinate_transformation_mode="tf_half_pixel_for_nn", nearest_mode="floor")
one("einsum_ints", "Einsum", [R.randint(-5, 5, (2, 3)), R.randint(-5, 5, (3, 4))], equation="ij,jk->ik")
one("reduce_l2_ints", "ReduceL2", [R.randint(1, 9, (3, 4)).astype(np.int32), ints(1)])
one("batchnorm_mixed", "BatchNormalization", [f(2, 3, 4).astype(np.float16), f(3), f(3), f(3), f(3, low=0.5)], opset=15,
    judge="ref")
one("hann_half", "HannWindow", [np.array(8, np.int32)], output_datatype=T.INT32, judge="ref")
one("bitcast_bool", "BitCast", [f(5) > 0], opset=26, to=T.UINT8, judge="ref")
one("bitcast_int4", "BitCast", [np.array([-8, -1, 0, 7], ml_dtypes.int4)], opset=26, to=T.UINT4, judge="ref")
one("label_floats", "LabelEncoder", [ints(1, 5, 7)], opset=2, domain="ai.onnx.ml", keys_int64s=[7, 1],
    values_floats=[1.5, 2.5], default_float=9.0)
one("label_tensors", "LabelEncoder", [np.array([0.5, 2], np.float32)], opset=4, domain="ai.onnx.ml", judge="ref",
    keys_tensor=N.from_array(np.array([2, 3], np.float32)), values_tensor=N.from_array(np.array([4, 5], np.int16)),
    default_tensor=N.from_array(np.array([-1], np.int16)))

# Of random results only types and shapes are compared.
p = f(2, 3, low=0)
one("random_normal", "RandomNormal", [], shape=[2, 3], mean=2.0, scale=3.0, dtype=T.DOUBLE)
one("random_uniform", "RandomUniformLike", [p], low=1.0, high=2.0, dtype=T.FLOAT16, judge="ref")
one("random_bernoulli", "Bernoulli", [p], dtype=T.INT32, want=[np.zeros((2, 3), np.int32)])
one("random_multinomial", "Multinomial", [p], sample_size=7)
one("random_dropout", "Dropout", [p, np.array(0.5, np.float32), np.array(True)], 2)

# Scan of version 8, with a batch: running sums, the second input read backwards.
body = H.make_graph(
    [H.make_node("Add", ["s", "a"], ["t"]), H.make_node("Add", ["t", "b"], ["u"]), H.make_node("Identity", ["u"], ["v"])],
    "body", [H.make_tensor_value_info(n, T.FLOAT, [2]) for n in "sab"],
    [H.make_tensor_value_info(n, T.FLOAT, [2]) for n in "uv"])
feed = {"start": f(3, 2), "p": f(3, 4, 2), "q": f(3, 4, 2)}
back = feed["q"][:, ::-1]
sums = np.cumsum(feed["p"] + back, axis=1) + feed["start"][:, None]
save("scan_8", [H.make_node("Scan", ["", "start", "p", "q"], ["last", "all"], num_scan_inputs=2, directions=[0, 1],
                            body=body)], feed, ["last", "all"], 8, want=[sums[:, -1], sums])

# Gradients of the sum of c = (a + b) * a.
feed = {"a": f(3), "b": f(3)}
nodes = [H.make_node("Add", ["a", "b"], ["d"]), H.make_node("Mul", ["d", "a"], ["c"]),
         H.make_node("Gradient", ["a", "b"], ["da", "db"], domain="ai.onnx.preview.training", xs=["a", "b"], y="c")]
a, b = feed["a"], feed["b"]
save("gradient", nodes, feed, ["c", "da", "db"], 1, "ai.onnx.preview.training", want=[(a + b) * a, 2 * a + b, a])

# Trees whose missing features go the way of `true`.
one("tree_missing", "TreeEnsemble", [np.array([[np.nan], [0.2], [0.8]], np.float32)], opset=5, domain="ai.onnx.ml",
    judge="ref", want=[np.array([[1], [1], [2]], np.float32)], n_targets=1, aggregate_function=1, tree_roots=[0],
    nodes_featureids=[0], nodes_truenodeids=[0], nodes_falsenodeids=[1], nodes_trueleafs=[1], nodes_falseleafs=[1],
    nodes_missing_value_tracks_true=[1], nodes_splits=N.from_array(np.array([0.5], np.float32)),
    nodes_modes=N.from_array(np.array([0], np.uint8)), leaf_targetids=[0, 0],
    leaf_weights=N.from_array(np.array([1, 2], np.float32)), post_transform=0)

# Linear models and forests, which onnx's reference evaluator lacks or has in other forms than onnxruntime.
ML = "ai.onnx.ml"
x = f(6, 4)
one("linear_regressor", "LinearRegressor", [x], domain=ML, opset=1, coefficients=f(8).tolist(), intercepts=[0.5, -1.0],
    targets=2)
for how in ("NONE", "LOGISTIC", "SOFTMAX"):
    one(f"linear_classes_{how.lower()}", "LinearClassifier", [x], 2, domain=ML, opset=1, coefficients=f(12).tolist(),
        intercepts=f(3).tolist(), classlabels_ints=[3, 7, 1], post_transform=how)
one("linear_two", "LinearClassifier", [x], 2, domain=ML, opset=1, coefficients=f(4).tolist(), intercepts=[0.2],
    classlabels_ints=[0, 1], post_transform="LOGISTIC")
one("imputer", "Imputer", [np.array([[1, np.nan], [np.nan, 4]], np.float32)], domain=ML, opset=1,
    imputed_value_floats=[8.0, 9.0], replaced_value_float=float("nan"))
one("feature_vectorizer", "FeatureVectorizer", [x, f(6, 2)], domain=ML, opset=1, inputdimensions=[4, 2])
one("onehot_ints", "OneHotEncoder", [ints(3, 1, 9)], domain=ML, opset=1, cats_int64s=[1, 2, 3], zeros=1)


def forest(kind, depth, targets, only=None, mode="BRANCH_LEQ"):
    """Three full trees; numbers for all targets, or for one."""
    half, n = 2 ** depth - 1, 2 ** (depth + 1) - 1
    inner = [i < half for _ in range(3) for i in range(n)]
    leaves = [(t, i, k) for t in range(3) for i in range(half, n) for k in (range(targets) if only is None else [only])]
    nodes = {"treeids": [t for t in range(3) for _ in range(n)], "nodeids": 3 * list(range(n)),
             "featureids": [int(R.randint(4)) if b else 0 for b in inner], "modes": [mode if b else "LEAF" for b in inner],
             "values": [float(v) if b else 0.0 for v, b in zip(f(3 * n), inner)],
             "truenodeids": 3 * [2 * i + 1 if i < half else 0 for i in range(n)],
             "falsenodeids": 3 * [2 * i + 2 if i < half else 0 for i in range(n)]}
    ends = {"treeids": [t for t, _, _ in leaves], "nodeids": [i for _, i, _ in leaves],
            "ids": [k for _, _, k in leaves], "weights": f(len(leaves)).tolist()}
    return {**{"nodes_" + k: v for k, v in nodes.items()}, **{f"{kind}_{k}": v for k, v in ends.items()}}


for how in ("SUM", "AVERAGE", "MIN", "MAX"):
    one(f"forest_{how.lower()}", "TreeEnsembleRegressor", [x], domain=ML, opset=3, n_targets=2, aggregate_function=how,
        base_values=[0.5, -0.5], **forest("target", 2, 2))
one("forest_gt", "TreeEnsembleRegressor", [x], domain=ML, opset=3, n_targets=1, **forest("target", 3, 1, mode="BRANCH_GT"))
one("forest_classes", "TreeEnsembleClassifier", [x], 2, domain=ML, opset=3, classlabels_int64s=[4, 2, 9],
    post_transform="SOFTMAX", **forest("class", 2, 3))
one("forest_two", "TreeEnsembleClassifier", [x], 2, domain=ML, opset=3, classlabels_int64s=[0, 1],
    post_transform="LOGISTIC", **forest("class", 2, 1, only=0))

# Sequences within a graph.
feed = {"a": f(2, 3), "b": f(2, 3), "d": f(2, 3)}
index = H.make_node("Constant", [], ["i"], value=N.from_array(np.array(-1, np.int64)))
save("sequence_edit", [H.make_node("SequenceConstruct", ["a", "b"], ["q"]), index,
                       H.make_node("SequenceInsert", ["q", "d", "i"], ["r"]), H.make_node("SequenceErase", ["r"], ["s"]),
                       H.make_node("SequenceInsert", ["s", "b"], ["u"]), H.make_node("SequenceAt", ["u", "i"], ["y"]),
                       H.make_node("ConcatFromSequence", ["u"], ["z"], axis=0, new_axis=1),
                       H.make_node("SequenceLength", ["u"], ["n"])], feed, ["y", "z", "n"], 21)
body = H.make_graph([H.make_node("Add", ["p", "k"], ["o"])], "body",
                    [H.make_tensor_value_info(n, T.FLOAT, None) for n in "pk"],
                    [H.make_tensor_value_info("o", T.FLOAT, None)])
save("sequence_map", [H.make_node("SplitToSequence", ["a"], ["q"], axis=1, keepdims=0),
                      H.make_node("SequenceMap", ["q", "c"], ["r"], body=body),
                      H.make_node("ConcatFromSequence", ["r"], ["y"], axis=0)], {"a": feed["a"], "c": f(2)}, ["y"], 21,
     judge="ref")

# Shapes of Resize and Range that are not those of ONNX's cases; the reference evaluator takes fractions of sizes.
for mode in ("linear", "cubic"):
    one(f"resize_corners_{mode}", "Resize", [f(1, 1, 4, 5), None, np.array([1, 1, 0.8, 1.3], np.float32)], opset=19,
        coordinate_transformation_mode="align_corners", mode=mode, judge="ref")
one("blackman_ints", "BlackmanWindow", [np.array(10, np.int32)], opset=26, output_datatype=T.INT32, judge="ref")
half = [np.array(v, np.float16) for v in (1, 4, 0.75)]
one("range_half", "Range", half, opset=27, want=[np.arange(1, 4, 0.75).astype(np.float16)])
for kind, op, v in ((np.int8, "Max", -128), (np.uint16, "Max", 0), (np.int32, "Min", 2 ** 31 - 1), (bool, "Max", False),
                    (bool, "Min", True)):
    one(f"reduce_empty_{op.lower()}_{np.dtype(kind).name}", "Reduce" + op, [np.zeros((2, 0), kind), ints(1)], opset=20,
        want=[np.full((2, 1), v, kind)])
x = f(2, 3, 2, 2)
k = f(3)
one("prelu_6", "PRelu", [x, k], opset=6, want=[np.where(x < 0, x * k[:, None, None], x)])
x = f(1, 2, 4, 6)
deep = x.reshape(1, 2, 2, 2, 3, 2).transpose(0, 1, 3, 5, 2, 4).reshape(1, 8, 2, 3)
one("space_crd", "SpaceToDepth", [x], opset=28, blocksize=2, mode="CRD", want=[deep])

# A function that is called without its last operand, and a loop whose length follows from floats.
total = H.make_function("local", "Total", ["p", "axes"], ["q"], [H.make_node("ReduceSum", ["p", "axes"], ["q"])],
                        [H.make_opsetid("", 21)])
save("function_left_out", [H.make_node("Total", ["x"], ["y"], domain="local")], {"x": f(2, 3)}, ["y"], 1, "local",
     want=None, functions=[total])
body = H.make_graph([H.make_node("Identity", ["c"], ["d"]), H.make_node("Add", ["s", "step"], ["t"]),
                     H.make_node("Identity", ["s"], ["u"])], "body",
                    [H.make_tensor_value_info("i", T.INT64, []), H.make_tensor_value_info("c", T.BOOL, []),
                     H.make_tensor_value_info("s", T.FLOAT, [])],
                    [H.make_tensor_value_info("d", T.BOOL, []), H.make_tensor_value_info("t", T.FLOAT, []),
                     H.make_tensor_value_info("u", T.FLOAT, [])])
feed = {k: np.array(v, np.float32) for k, v in (("start", 1), ("end", 3), ("step", 0.75))}
save("loop_floats", [H.make_node("Sub", ["end", "start"], ["d0"]), H.make_node("Div", ["d0", "step"], ["d1"]),
                     H.make_node("Ceil", ["d1"], ["d2"]), H.make_node("Relu", ["d2"], ["d3"]),
                     H.make_node("Cast", ["d3"], ["n"], to=T.INT64), H.make_node("Constant", [], ["go"],
                     value=N.from_array(np.array(True))), H.make_node("Loop", ["n", "go", "start"], ["last", "all"],
                                                                      body=body)], feed, ["last", "all"], 21)
