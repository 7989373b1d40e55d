# SPDX-License-Identifier: Apache-2.0
"""Encoders and decoders against nn.Transformer and its parts."""

import torch
import torch.nn.functional as F

from program import Layer
from values import RNG, rand

T = torch
RNG.seed("transformer")
ACT = {"relu": F.relu, "gelu": F.gelu}


def attention_weights(at, d):
    w = {at + n: rand(d, d, lo=-1, hi=1) for n in ("wq", "wk", "wv", "wo")}
    return w | {at + n: rand(d, lo=-1, hi=1) for n in ("bq", "bk", "bv", "bo")}


def weights_of(kind, at, d, hidden):
    n = 2 if kind == "decoder" else 1
    w = {}
    for k in range(1, n + 1):
        w |= attention_weights(f"{at}multi_head_attention{'_%d' % k if n > 1 else ''}.", d)
    w |= {at + "linear_1.w": rand(d, hidden, lo=-1, hi=1), at + "linear_1.b": rand(hidden, lo=-1, hi=1)}
    w |= {at + "linear_2.w": rand(hidden, d, lo=-1, hi=1), at + "linear_2.b": rand(d, lo=-1, hi=1)}
    return w | {f"{at}layernorm_{k}.{p}": rand(d) for k in range(1, n + 2) for p in "gb"}


def attention(v, at, to):
    w = {"in_proj_weight": T.cat([v[at + n].T for n in ("wq", "wk", "wv")]), "out_proj.weight": v[at + "wo"].T}
    w |= {"in_proj_bias": T.cat([v[at + n] for n in ("bq", "bk", "bv")]), "out_proj.bias": v[at + "bo"]}
    return {to + n: t for n, t in w.items()}


def torch_names(v, kind, at, to):
    """Our weights of one layer by PyTorch's names."""
    n = "multi_head_attention"
    w = attention(v, at + n + ("_1." if kind == "decoder" else "."), to + "self_attn.")
    if kind == "decoder":
        w |= attention(v, at + n + "_2.", to + "multihead_attn.")
    for k in (1, 2):
        w |= {f"{to}linear{k}.weight": v[f"{at}linear_{k}.w"].T, f"{to}linear{k}.bias": v[f"{at}linear_{k}.b"]}
    for k in range(1, 4 if kind == "decoder" else 3):
        w |= {f"{to}norm{k}.weight": v[f"{at}layernorm_{k}.g"], f"{to}norm{k}.bias": v[f"{at}layernorm_{k}.b"]}
    return w


def layer(name, text, fn, weights, **kw):
    Layer(name, text, fn, weights, file="layers_transformer", known="seen in attention and layernorm", **kw)


def module(kind, d, heads, hidden, act, pre, like):
    made = T.nn.TransformerEncoderLayer if kind == "encoder" else T.nn.TransformerDecoderLayer
    return made(d, heads, hidden, 0.0, ACT[act], batch_first=True, norm_first=pre).to(like.dtype)


def hidden_keys(v, at):
    """PyTorch's padding is true where no key is."""
    return v[at] == 0 if at in v else None


def causal(n, like):
    return T.nn.Transformer.generate_square_subsequent_mask(n, dtype=like.dtype)


for name, act, pre, args, kw in [
    ("post", "relu", False, "", {}),
    ("pre", "gelu", True, ", prenorm = true, causal = true", {"causal": True}),
    ("padded", "gelu", False, ", padding = n > 0", {"n": T.tensor([[1, 1, 0], [1, 0, 0]])}),
]:
    keys, ahead = {k: t for k, t in kw.items() if k == "n"}, kw.get("causal")
    layer(f"encoder_layer_{name}", f"encoder_layer(x, 2, 5, {act}, p = 0{args})",
          lambda v, a=act, pre=pre, ahead=ahead: T.func.functional_call(
              module("encoder", 4, 2, 5, a, pre, v["x"]), torch_names(v, "encoder", "encoder_layer.", ""), (v["x"],),
              {"src_mask": causal(3, v["x"]) if ahead else None, "src_key_padding_mask": hidden_keys(v, "n")}),
          weights_of("encoder", "encoder_layer.", 4, 5), x=rand(2, 3, 4), **keys)  # fmt: skip
for name, act, pre, args, keys in [
    ("post", "gelu", False, ", m_padding = n > 0", {"n": T.tensor([[1, 1], [1, 0]])}),
    ("pre", "relu", True, ", prenorm = true", {}),
]:
    layer(f"decoder_layer_{name}", f"decoder_layer(x, m, 2, 5, {act}, 0{args})",
          lambda v, a=act, pre=pre: T.func.functional_call(
              module("decoder", 4, 2, 5, a, pre, v["x"]), torch_names(v, "decoder", "decoder_layer.", ""), (v["x"], v["m"]),
              {"tgt_mask": causal(3, v["x"]), "memory_key_padding_mask": hidden_keys(v, "n")}),
          weights_of("decoder", "decoder_layer.", 4, 5), x=rand(2, 3, 4), m=rand(2, 2, 4), **keys)  # fmt: skip


def stacked(v, kind, at, to, layers, norm):
    w = {}
    for k in range(layers):
        w |= torch_names(v, kind, f"{at}{kind}_layer_{k + 1}.", f"{to}layers.{k}.")
    return w | ({to + "norm.weight": v[at + "layernorm.g"], to + "norm.bias": v[at + "layernorm.b"]} if norm else {})


def stacked_weights(kind, at, layers, d, hidden, norm):
    w = {}
    for k in range(layers):
        w |= weights_of(kind, f"{at}{kind}_layer_{k + 1}.", d, hidden)
    return w | ({at + "layernorm.g": rand(d), at + "layernorm.b": rand(d)} if norm else {})


for pre in (False, True):
    label, norm = ("pre", T.nn.LayerNorm(4)) if pre else ("post", None)
    layer(f"transformer_encoder_{label}", f"transformer_encoder(x, 2, 2, 3, p = 0{', prenorm = true' if pre else ''})",
          lambda v, pre=pre, norm=norm: T.func.functional_call(
              T.nn.TransformerEncoder(module("encoder", 4, 2, 3, "relu", pre, v["x"]), 2, norm, enable_nested_tensor=False).to(v["x"].dtype),
              stacked(v, "encoder", "transformer_encoder.", "", 2, pre), (v["x"],)),
          stacked_weights("encoder", "transformer_encoder.", 2, 4, 3, pre), x=rand(1, 3, 4))  # fmt: skip
    layer(f"transformer_decoder_{label}", f"transformer_decoder(x, m, 2, 1, 3, gelu, p = 0{', prenorm = true' if pre else ''})",
          lambda v, pre=pre, norm=norm: T.func.functional_call(
              T.nn.TransformerDecoder(module("decoder", 4, 1, 3, "gelu", pre, v["x"]), 2, norm).to(v["x"].dtype),
              stacked(v, "decoder", "transformer_decoder.", "", 2, pre), (v["x"], v["m"]), {"tgt_mask": causal(2, v["x"])}),
          stacked_weights("decoder", "transformer_decoder.", 2, 4, 3, pre), x=rand(1, 2, 4), m=rand(1, 3, 4))  # fmt: skip


def whole(v, pre):
    made = T.nn.Transformer(2, 1, 2, 2, 3, 0.0, batch_first=True, norm_first=pre).to(v["x"].dtype)
    w = stacked(v, "encoder", "transformer.transformer_encoder.", "encoder.", 2, True)
    w |= stacked(v, "decoder", "transformer.transformer_decoder.", "decoder.", 2, True)
    keys = hidden_keys(v, "n")
    return T.func.functional_call(made, w, (v["x"], v["y"]), {"tgt_mask": causal(2, v["x"]), "src_key_padding_mask": keys, "memory_key_padding_mask": keys})


for pre, keys in ((False, {}), (True, {"n": T.tensor([[1, 1, 0], [1, 0, 1]])})):
    layer(f"transformer_{'pre' if pre else 'post'}", f"transformer(x, y, 2, 1, 3, p = 0{', prenorm = true, padding = n > 0' if pre else ''})",
          lambda v, pre=pre: whole(v, pre),
          stacked_weights("encoder", "transformer.transformer_encoder.", 2, 2, 3, True)
          | stacked_weights("decoder", "transformer.transformer_decoder.", 2, 2, 3, True),
          x=rand(2, 3, 2), y=rand(2, 2, 2), **keys)  # fmt: skip
