#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Models that PyTorch and scikit-learn export, beside onnxruntime.

real.py make DIR [--small] [NAME...]     DIR/NAME: model.onnx and test_data_set_0, its results by onnxruntime
real.py check GRADC DIR [NAME...]        imports, compiles, compares: a row of docs/onnx.md for each
real.py time SIDE GRADC DIR NAME THREADS     one line of JSON; SIDE is gradc or onnxruntime

Weights and inputs are random by a fixed seed. torch 2.15.0, transformers 5.24.0, scikit-learn 1.9.1, skl2onnx 1.20.0,
onnx 1.23.2, onnxruntime 1.32.0. --small: networks of the same layers for the tests (real.tar.gz)."""
import json
import os
import resource
import subprocess
import sys
import time

import numpy as np

SEED, OPSET = 7, 18
# |difference| <= BOUND * the largest |expected|: both sides add in other orders
BOUND = 1e-4


# ---- networks in PyTorch ----

def networks(small):
    import torch
    import torch.nn as nn
    import torch.nn.functional as F

    def unit(a, b, k, stride=1, groups=1, act=nn.ReLU):
        layers = [nn.Conv2d(a, b, k, stride, k // 2, groups=groups, bias=False), nn.BatchNorm2d(b)]
        return nn.Sequential(*layers, *([act()] if act else []))

    class Residual(nn.Module):
        def __init__(self, a, b, stride):
            super().__init__()
            self.body = nn.Sequential(unit(a, b, 3, stride), unit(b, b, 3, act=None))
            self.skip = unit(a, b, 1, stride, act=None) if stride > 1 or a != b else nn.Identity()

        def forward(self, x):
            return F.relu(self.body(x) + self.skip(x))

    def resnet18():
        w = [4, 6, 8, 8] if small else [64, 128, 256, 512]
        blocks = [Residual(w[max(i - 1, 0)] if k == 0 else w[i], w[i], 2 if i and k == 0 else 1)
                  for i in range(4) for k in range(1 if small else 2)]
        stem = [unit(3, w[0], 7, 2), nn.MaxPool2d(3, 2, 1)]
        head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(w[3], 10 if small else 1000)]
        return nn.Sequential(*stem, *blocks, *head), image(32 if small else 224)

    class Bottleneck(nn.Module):
        def __init__(self, a, b, stride):
            super().__init__()
            self.body = nn.Sequential(unit(a, b, 1), unit(b, b, 3, stride), unit(b, 4 * b, 1, act=None))
            self.skip = unit(a, 4 * b, 1, stride, act=None) if stride > 1 or a != 4 * b else nn.Identity()

        def forward(self, x):
            return F.relu(self.body(x) + self.skip(x))

    def resnet50():
        plan = [(4, 1), (8, 2)] if small else [(64, 3), (128, 4), (256, 6), (512, 3)]
        at, blocks = plan[0][0], []
        for i, (width, n) in enumerate(plan):
            for k in range(n):
                blocks.append(Bottleneck(at, width, 2 if i and k == 0 else 1))
                at = 4 * width
        stem = [unit(3, plan[0][0], 7, 2), nn.MaxPool2d(3, 2, 1)]
        head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(at, 10 if small else 1000)]
        return nn.Sequential(*stem, *blocks, *head), image(32 if small else 224)

    class Inverted(nn.Module):
        def __init__(self, a, b, stride, grow):
            super().__init__()
            first = [unit(a, a * grow, 1, act=nn.ReLU6)] if grow > 1 else []
            self.body = nn.Sequential(*first, unit(a * grow, a * grow, 3, stride, a * grow, nn.ReLU6),
                                      unit(a * grow, b, 1, act=None))
            self.same = stride == 1 and a == b

        def forward(self, x):
            return x + self.body(x) if self.same else self.body(x)

    def mobilenetv2():
        plan = [(1, 4, 1, 1), (2, 6, 2, 2)] if small else [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2),
                                                           (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
        at, layers = (4 if small else 32), []
        layers.append(unit(3, at, 3, 2, act=nn.ReLU6))
        for grow, width, n, stride in plan:
            for k in range(n):
                layers.append(Inverted(at, width, stride if k == 0 else 1, grow))
                at = width
        last = 16 if small else 1280
        head = [unit(at, last, 1, act=nn.ReLU6), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2)]
        return nn.Sequential(*layers, *head, nn.Linear(last, 10 if small else 1000)), image(24 if small else 224)

    class ViT(nn.Module):
        def __init__(self, size, patch, width, depth, heads, classes):
            super().__init__()
            n = (size // patch) ** 2 + 1
            self.patch = nn.Conv2d(3, width, patch, patch)
            self.cls = nn.Parameter(torch.zeros(1, 1, width))
            self.pos = nn.Parameter(0.02 * torch.randn(1, n, width))
            layer = nn.TransformerEncoderLayer(width, heads, 4 * width, 0.0, F.gelu, batch_first=True, norm_first=True)
            self.blocks = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
            self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, classes)

        def forward(self, x):
            h = self.patch(x).flatten(2).transpose(1, 2)
            h = torch.cat([self.cls.expand(h.shape[0], -1, -1), h], 1) + self.pos
            return self.head(self.norm(self.blocks(h))[:, 0])

    def vit():
        if small:
            return ViT(16, 8, 8, 2, 2, 10), image(16)
        return ViT(224, 16, 192, 12, 3, 1000), image(224)

    def vit_b16():
        return ViT(224, 16, 768, 12, 12, 1000), image(224)

    class LSTM(nn.Module):
        def __init__(self, inputs, width, classes):
            super().__init__()
            self.lstm = nn.LSTM(inputs, width, 2, batch_first=True, bidirectional=True)
            self.head = nn.Linear(2 * width, classes)

        def forward(self, x):
            return self.head(self.lstm(x)[0])

    def lstm():
        t, i, w = (5, 3, 4) if small else (128, 64, 256)
        return LSTM(i, w, 10), (("x", torch.randn(1 if small else 4, t, i)),)

    class Only(nn.Module):
        def __init__(self, net, pick):
            super().__init__()
            self.net, self.pick = net, pick

        def forward(self, ids, mask):
            return self.pick(self.net(input_ids=ids, attention_mask=mask))

    def tokens(vocab, n, batch):
        mask = torch.ones(batch, n, dtype=torch.int64)
        mask[0, n - n // 4:] = 0 if batch > 1 else 1
        return (("input_ids", torch.randint(0, vocab, (batch, n))), ("attention_mask", mask))

    def bert():
        from transformers import BertConfig, BertModel
        vocab, n = (40, 8) if small else (30522, 128)
        c = BertConfig(vocab_size=vocab, hidden_size=8 if small else 128, num_hidden_layers=2,
                       num_attention_heads=2, intermediate_size=16 if small else 512, max_position_embeddings=4 * n,
                       attn_implementation="eager")
        return Only(BertModel(c), lambda y: (y.last_hidden_state, y.pooler_output)), tokens(vocab, n, 2)

    def gpt2():
        from transformers import GPT2Config, GPT2LMHeadModel
        vocab, n = (40, 6) if small else (50257, 64)
        c = GPT2Config(vocab_size=vocab, n_positions=16 if small else 1024, n_embd=8 if small else 768,
                       n_layer=2 if small else 12, n_head=2 if small else 12, attn_implementation="eager",
                       use_cache=False)
        return Only(GPT2LMHeadModel(c), lambda y: y.logits), tokens(vocab, n, 1)

    def image(size):
        return (("image", torch.randn(1, 3, size, size)),)

    return dict(resnet18=resnet18, resnet50=resnet50, mobilenetv2=mobilenetv2, vit=vit, vit_b16=vit_b16, bert_tiny=bert,
                gpt2=gpt2, lstm=lstm)


def export_torch(name, make, path):
    import torch
    torch.manual_seed(SEED)
    net, inputs = make()
    net.eval()
    with torch.no_grad():  # zeros and ones are the same weight to the exporter
        for w in net.parameters():
            w.add_(0.02 * torch.randn_like(w))
    for m in net.modules():  # averages that are not those of no data
        if isinstance(m, torch.nn.BatchNorm2d):
            m.running_mean.uniform_(-0.2, 0.2)
            m.running_var.uniform_(0.5, 1.5)
    open_batch = name in TUNED  # an example of one record would fix it
    names, values = [n for n, _ in inputs], tuple(torch.cat([v, v]) if open_batch else v for _, v in inputs)
    sizes = tuple({0: torch.export.Dim("batch")} for _ in inputs) if open_batch else None
    torch.onnx.export(net, values, path, input_names=names, opset_version=OPSET, dynamo=True, external_data=False,
                      dynamic_shapes=sizes, verbose=False)
    strip(path)
    return {n: v.numpy() for n, v in inputs}


def strip(path):
    """Without what the exporter says about its own work, which is more than small weights are."""
    import onnx
    m = onnx.load(path)
    del m.metadata_props[:], m.graph.metadata_props[:], m.graph.value_info[:]
    m.doc_string = m.graph.doc_string = ""
    for n in [*m.graph.node, *m.graph.input, *m.graph.output, *m.graph.initializer]:
        space = [p for p in n.metadata_props if p.key == "namespace"]  # the module of a node
        del n.metadata_props[:]
        n.metadata_props.extend(space)
        n.doc_string = ""
    onnx.save(m, path)


def export_sklearn(path, small):
    from skl2onnx import to_onnx
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler, StandardScaler
    r = np.random.default_rng(SEED)
    x = r.normal(3, 2, (200, 6 if small else 64)).astype(np.float32)
    y = (x[:, 0] > x[:, 1]).astype(np.int64) + 2 * (x[:, 2] > 3)
    net = MLPClassifier((8,) if small else (256, 128), max_iter=20, random_state=SEED)
    p = make_pipeline(StandardScaler(), MinMaxScaler(), net).fit(x, y)
    model = to_onnx(p, x[:4], target_opset=OPSET, options={"zipmap": False})
    for d in [*model.graph.input, *model.graph.output]:
        d.type.tensor_type.shape.dim[0].dim_value = 4
    with open(path, "wb") as f:
        f.write(model.SerializeToString())
    return {model.graph.input[0].name: x[:4]}


TUNED = ["resnet18", "bert_tiny"]  # with a batch that the import chooses
NAMES = ["resnet18", "resnet50", "mobilenetv2", "vit", "vit_b16", "bert_tiny", "gpt2", "lstm", "sklearn_mlp"]


def session(folder, threads=0):
    import onnxruntime as ort
    o = ort.SessionOptions()
    o.log_severity_level = 3
    o.intra_op_num_threads = threads
    return ort.InferenceSession(folder + "/model.onnx", o, providers=["CPUExecutionProvider"])


def save(folder, kind, arrays):
    from onnx import numpy_helper
    for i, (name, a) in enumerate(arrays):
        with open(f"{folder}/{kind}_{i}.pb", "wb") as f:
            f.write(numpy_helper.from_array(np.ascontiguousarray(a), name).SerializeToString())


def load(folder, kind):
    import onnx
    from onnx import numpy_helper
    found = []
    while os.path.exists(f"{folder}/test_data_set_0/{kind}_{len(found)}.pb"):
        with open(f"{folder}/test_data_set_0/{kind}_{len(found)}.pb", "rb") as f:
            t = onnx.TensorProto.FromString(f.read())
        found.append((t.name, numpy_helper.to_array(t)))
    return found


def make(folder, name, small):
    data = f"{folder}/{name}/test_data_set_0"
    os.makedirs(data, exist_ok=True)
    path = f"{folder}/{name}/model.onnx"
    feeds = export_sklearn(path, small) if name == "sklearn_mlp" else export_torch(name, networks(small)[name], path)
    s = session(f"{folder}/{name}")
    save(data, "input", [(i.name, feeds[i.name]) for i in s.get_inputs()])
    save(data, "output", zip([o.name for o in s.get_outputs()], s.run(None, feeds)))


# ---- gradc ----

def imported(gradc, folder):
    """The Python package, after an import to FOLDER/nn; when that began."""
    start = time.perf_counter()
    command = [gradc, "import", folder + "/model.onnx", "-o", folder + "/nn"]
    if os.path.basename(folder) in TUNED:
        command += ["--dim", "batch=1..16"]
    r = subprocess.run(command, capture_output=True, text=True)
    if r.returncode:
        raise RuntimeError(r.stderr.split("\n")[0])
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    sys.path.insert(0, root + "/python")
    import gradc as library
    return library, start


def compiled(gradc, folder, threads):
    """The model, its inputs as gradc takes them, and the seconds of import and compilation."""
    library, start = imported(gradc, folder)
    m = library.compile(folder + "/nn/model.nn", threads=threads)
    if os.path.exists(folder + "/nn/model.safetensors"):
        m.load(folder + "/nn/model.safetensors")
    inputs = [a.astype(np.int32) if a.dtype == np.int64 else a for _, a in load(folder, "input")]
    return m, inputs, time.perf_counter() - start


def results(y):
    return list(y) if isinstance(y, (list, tuple)) else list(y.values()) if isinstance(y, dict) else [y]


def check(gradc, folder):
    import onnx
    name = os.path.basename(folder)
    graph = onnx.load(folder + "/model.onnx").graph
    parameters = sum(int(np.prod(t.dims)) for t in graph.initializer)
    m, inputs, seconds = compiled(gradc, folder, 1)
    most = 0.0
    for (_, want), got in zip(load(folder, "output"), results(m.main(*inputs)), strict=True):
        most = max(most, float(np.abs(np.float64(got) - want).max()) / max(float(np.abs(want).max()), 1e-30))
    good = "equal" if most <= BOUND else "DIFFERS"
    print(f"| {name} | {len(graph.node)} | {parameters:,} | {most:.1e} | {seconds:.1f} s | {good} |", flush=True)
    return good == "equal"


def once(side, gradc, folder, threads):
    if side == "gradc":
        m, inputs, _ = compiled(gradc, folder, threads)
        call = lambda: m.main(*inputs)  # noqa: E731
    else:
        s, feeds = session(folder, threads), dict(load(folder, "input"))
        call = lambda: s.run(None, feeds)  # noqa: E731
    call()
    times = []
    until = time.perf_counter() + 3
    while len(times) < 5 or time.perf_counter() < until:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"name": os.path.basename(folder), "side": side, "threads": threads,
                      "ms": round(1e3 * min(times), 3), "peak_mb": round(peak), "calls": len(times)}))


def main(args):
    if args[0] == "make":
        small = "--small" in args
        folder, *names = [a for a in args[1:] if a != "--small"]
        for name in names or NAMES:
            make(folder, name, small)
    elif args[0] == "check":
        gradc, folder, *names = args[1:]
        good = True
        for name in names or NAMES:
            try:
                good &= check(os.path.abspath(gradc), f"{folder}/{name}")
            except Exception as e:  # a refusal
                print(f"| {name} | {str(e)[:300]} |", flush=True)
                good = False
        sys.exit(not good)
    else:
        side, gradc, folder, name, threads = args[1:]
        once(side, os.path.abspath(gradc), f"{folder}/{name}", int(threads))


main(sys.argv[1:])
