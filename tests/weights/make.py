# SPDX-License-Identifier: Apache-2.0
"""make.py FOLDER: writes the golden files of this suite: files of PyTorch, NumPy and GGUF, each beside what it holds as
FILE.want.safetensors. Made with torch 2.15.0, numpy 2.4.6, gguf 0.20.0, safetensors 0.8.0, transformers, tokenizers."""
import os
import shutil
import sys
import zipfile

import gguf
import numpy as np
import torch
from safetensors.numpy import load_file as load_numpy
from safetensors.numpy import save_file as save_numpy
from safetensors.torch import save_file

out = sys.argv[1]
os.makedirs(out, exist_ok=True)
path = lambda name: os.path.join(out, name)
torch.manual_seed(1)
rng = np.random.default_rng(1)


def dense(d):
    return {k: v.detach().clone().contiguous() for k, v in d.items()}


# A state dict of modules, with a tied weight, as a .bin file of Hugging Face.
net = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3), torch.nn.BatchNorm2d(3), torch.nn.Linear(4, 5))
torch.save(net.state_dict(), path("state.pt"))
save_file(dense(net.state_dict()), path("state.pt.want.safetensors"))

# Every element type; views with strides, offsets and shared storages; scalars and empty tensors.
base = torch.arange(24, dtype=torch.float32)
every = {"view": base[3:15].view(3, 4), "transposed": base.view(4, 6).t(), "step": base[::5],
         "scalar": torch.tensor(2.5),
         "empty": torch.zeros(0, 3), "expanded": torch.ones(1).expand(2, 3)}
for t in "float64 float16 bfloat16 bool uint8 int8 int16 int32 int64 uint16 uint32 uint64".split():
    every[t] = torch.tensor([0, 1, 2, 3, 100]).to(getattr(torch, t))
torch.save(every, path("every.pt"))
save_file(dense(every), path("every.pt.want.safetensors"))

# A checkpoint: nested, with an optimizer and numbers.
lin = torch.nn.Linear(3, 2)
opt = torch.optim.AdamW(lin.parameters(), lr=0.01)
lin(torch.ones(1, 3)).sum().backward()
opt.step()
check = {"model": lin.state_dict(), "optim": opt.state_dict(), "epoch": 7, "note": "first", "param": lin.weight}
torch.save(check, path("check.pt"))
flat = {"model.weight": lin.weight, "model.bias": lin.bias, "param": lin.weight}
for i, s in opt.state_dict()["state"].items():
    flat.update({f"optim.state.{i}.{k}": v for k, v in s.items()})
save_file(dense(flat), path("check.pt.want.safetensors"))
torch.save(lin.state_dict(), path("protocol4.pt"), pickle_protocol=4)
save_file(dense(lin.state_dict()), path("protocol4.pt.want.safetensors"))

# Files that ask for code: a model, a call of os.system, a class by STACK_GLOBAL.
torch.save(lin, path("bad_model.pt"))
evil = {"bad_system.pt": b"cposix\nsystem\nX\x0a\x00\x00\x00touch evil\x85R.",
        "bad_stack.pt": b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93\x8c\x031+1\x85R.",
        "bad_build.pt": b"\x80\x02csubprocess\nPopen\n)\x81}b."}
for name, text in evil.items():
    with zipfile.ZipFile(path(name), "w") as z:
        z.writestr("a/data.pkl", text)
        z.writestr("a/byteorder", "little")
torch.save(lin.state_dict(), path("bad_old.pt"), _use_new_zipfile_serialization=False)

# npz: types, orders of bytes, compressed, scalars.
arrays = {"a/w": rng.normal(size=(2, 3)).astype("f4"), "big": np.arange(5, dtype=">i4"),
          "bigf": np.arange(4, dtype=">f8"),
          "flag": np.array([True, False]), "one": np.float32(3), "long": np.arange(3, dtype="i8"),
          "half": np.arange(3).astype("f2"), "none": np.zeros((0, 2), "f4")}
native = {k: np.ascontiguousarray(np.asarray(v).astype(np.asarray(v).dtype.newbyteorder("="))).reshape(np.shape(v))
          for k, v in arrays.items()}
np.savez(path("arrays.npz"), **arrays)
np.savez_compressed(path("packed.npz"), **arrays)
for f in "arrays", "packed":
    save_numpy(native, path(f + ".npz.want.safetensors"))
np.save(path("one.npy"), native["a/w"])
save_numpy({"array": native["a/w"]}, path("one.npy.want.safetensors"))

# GGUF: the types that are read; the expected values are those of the gguf package.
w = gguf.GGUFWriter(path("types.gguf"), "llama")
w.add_uint32("llama.block_count", 2)
w.add_float32("llama.rope.freq_base", 10000.5)
w.add_bool("tokenizer.ggml.add_bos_token", True)
w.add_array("tokenizer.ggml.tokens", ["a", "b", "ccc"])
w.add_int8("small", -3)
want = {}
Q = gguf.GGMLQuantizationType
sizes = {Q.F32: (3, 5), Q.F16: (2, 8), Q.BF16: (2, 8), Q.Q8_0: (2, 64), Q.Q4_0: (3, 32),
         Q.Q4_K: (2, 512), Q.Q6_K: (2, 256)}
for q, shape in sizes.items():
    block, size = gguf.GGML_QUANT_SIZES[q]
    n = int(np.prod(shape)) // block
    if q in (Q.Q4_K, Q.Q6_K):  # the package quantises neither: blocks of random bytes, scales that are finite
        raw = rng.integers(0, 256, size=(n, size), dtype=np.uint8)
        for at in ((0, 2) if q == Q.Q4_K else (208,)):
            raw[:, at:at + 2] = rng.normal(size=n).astype("f2").view(np.uint8).reshape(n, 2)
        raw = raw.reshape(shape[0], -1)
    else:
        raw = gguf.quants.quantize(rng.normal(size=shape).astype("f4"), q)
    name = f"t.{q.name}"
    if q == Q.F32:
        w.add_tensor(name, raw)
    else:
        w.add_tensor(name, raw, raw_dtype=q)
    want[name] = gguf.quants.dequantize(raw, q).astype("f4").reshape(shape)
w.write_header_to_file()
w.write_kv_data_to_file()
w.write_tensors_to_file()
w.close()
save_numpy(want, path("types.gguf.want.safetensors"))

# Floats after an odd number of bytes.
w = gguf.GGUFWriter(path("odd.gguf"), "llama")
want = {"a": np.arange(3, dtype=np.int8), "b": np.arange(5, dtype=np.float16) / 3}
for name, value in want.items():
    w.add_tensor(name, value)
w.write_header_to_file()
w.write_kv_data_to_file()
w.write_tensors_to_file()
w.close()
save_numpy({k: v.astype(v.dtype if k == "a" else "f4") for k, v in want.items()}, path("odd.gguf.want.safetensors"))

# Models of the shipped maps: weights as published, an input, and what PyTorch computes.
import transformers as hf  # noqa: E402


def model(name, m, inputs, run, suffix=".safetensors"):
    with torch.no_grad():
        for p in m.parameters():
            p.add_(torch.randn_like(p) * 0.2)
        for k, b in m.named_buffers():
            if "running" in k:
                b.copy_(torch.rand_like(b) + 0.5)
        m.eval()
        if hasattr(m, "save_pretrained") and suffix != ".pt":  # with the names of published files
            m.save_pretrained(path("tmp"))
            os.rename(path("tmp/model.safetensors"), path(name + suffix))
        elif suffix == ".pt":
            torch.save(m.state_dict(), path(name + suffix))
        y = run(m).numpy().ravel()
    with open(path(name + ".csv"), "w") as f:
        f.write(",".join("%.9g" % v for i in inputs for v in np.asarray(i).ravel()) + "\n")
    np.savetxt(path(name + ".want"), y, fmt="%.7g")


class Block(torch.nn.Module):
    """BasicBlock of torchvision."""

    def __init__(self, c, out, stride):
        super().__init__()
        n = torch.nn
        self.conv1, self.bn1 = n.Conv2d(c, out, 3, stride, 1, bias=False), n.BatchNorm2d(out)
        self.conv2, self.bn2 = n.Conv2d(out, out, 3, 1, 1, bias=False), n.BatchNorm2d(out)
        self.downsample = None
        if stride != 1 or c != out:
            self.downsample = n.Sequential(n.Conv2d(c, out, 1, stride, bias=False), n.BatchNorm2d(out))

    def forward(self, x):
        y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(y + (self.downsample(x) if self.downsample else x))


class ResNet(torch.nn.Module):
    """ResNet-18 of torchvision, of another width."""

    def __init__(self, width, classes):
        super().__init__()
        n, c = torch.nn, width
        self.conv1, self.bn1 = n.Conv2d(3, width, 7, 2, 3, bias=False), n.BatchNorm2d(width)
        for i in range(4):
            out = width << i
            setattr(self, f"layer{i + 1}", n.Sequential(Block(c, out, 1 + (i > 0)), Block(out, out, 1)))
            c = out
        self.fc = n.Linear(c, classes)

    def forward(self, x):
        x = torch.max_pool2d(torch.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        for i in range(4):
            x = getattr(self, f"layer{i + 1}")(x)
        return self.fc(x.mean((2, 3)))


tok = torch.tensor([[5, 17, 20, 3, 29, 0, 12]])
kind = torch.tensor([[0, 0, 0, 1, 1, 1, 1]])
image = torch.randint(-2, 3, (1, 3, 32, 32)).float()
small = image[:, :, :16, :16]
llama = hf.LlamaConfig(vocab_size=40, hidden_size=8, intermediate_size=12, num_hidden_layers=2, num_attention_heads=4,
                       num_key_value_heads=2, rms_norm_eps=1e-5, max_position_embeddings=16)
model("llama", hf.LlamaForCausalLM(llama), [tok], lambda m: m(tok).logits)
# The same as llama.cpp converts it: its names, and rows of queries and keys so that rotary pairs are neighbours.
GGUF_NAMES = {"embed_tokens": "token_embd", "norm": "output_norm", "lm_head": "output", "self_attn.q_proj": "attn_q",
              "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
              "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
              "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm"}
w = gguf.GGUFWriter(path("llama.gguf"), "llama")
w.add_uint32("llama.block_count", 2)
for name, a in sorted(load_numpy(path("llama.safetensors")).items()):
    base = name.removeprefix("model.").removesuffix(".weight")
    part = base.split(".")
    to = GGUF_NAMES[".".join(part[2:]) if part[0] == "layers" else base]
    heads = {"attn_q": 4, "attn_k": 2}.get(to)
    if heads:
        a = a.reshape(heads, 2, len(a) // heads // 2, -1).swapaxes(1, 2).reshape(a.shape)
    w.add_tensor((f"blk.{part[1]}." if part[0] == "layers" else "") + to + ".weight", np.ascontiguousarray(a))
w.write_header_to_file()
w.write_kv_data_to_file()
w.write_tensors_to_file()
w.close()
bert = hf.BertConfig(vocab_size=40, hidden_size=8, intermediate_size=12, num_hidden_layers=2, num_attention_heads=4,
                     max_position_embeddings=16)
model("bert", hf.BertModel(bert), [tok, kind], lambda m: m(tok, token_type_ids=kind).pooler_output, ".pt")
vit = hf.ViTConfig(hidden_size=8, intermediate_size=12, num_hidden_layers=2, num_attention_heads=4, image_size=16,
                   patch_size=8, num_labels=5)
model("vit", hf.ViTForImageClassification(vit), [small], lambda m: m(small).logits)
model("resnet", ResNet(1, 5), [image], lambda m: m(image), ".pt")

# Tokenizers, trained here: odd texts (in hexadecimal) and the tokens that `tokenizers` and `sentencepiece` give them.
import random  # noqa: E402
import unicodedata  # noqa: E402

import sentencepiece  # noqa: E402
from tokenizers import Tokenizer, models, pre_tokenizers, trainers  # noqa: E402

SOURCE = "/usr/share/common-licenses/GPL-3"
text = open(SOURCE).read()
bpe = Tokenizer(models.BPE())
bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
bpe.train_from_iterator([text], trainers.BpeTrainer(vocab_size=320, special_tokens=["<|endoftext|>"],
                                                    initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
bpe.save(path("tokenizer.json"))
bpe.model.save(out)
# Of NFKC the rules of some characters and white space, since the table of all has 240 KB.
rules = {c: unicodedata.normalize("NFKC", chr(c)) for c in [*range(0xA0, 0x180), *range(0x2100, 0x2200), 0xFB01, 0xFB00,
                                                            *range(0xFF00, 0xFFA0), 0x1D4B3, 0x1D7D9, 0x3000, 0x2003]}
rules.update({9: " ", 10: " ", 0x200B: " ", 0x7F: "", 1: ""})
with open(path("rules.tsv"), "w") as f:
    for c, to in sorted(rules.items()):
        if to != chr(c):
            f.write(f"{c:X}\t{' '.join(f'{ord(x):X}' for x in to)}\n")
    f.write("65 301\tE9\nFF76 FF9E\t30AC\n")  # of several characters
sentencepiece.SentencePieceTrainer.train(input=SOURCE, model_prefix=path("tokenizer"), vocab_size=200, minloglevel=2,
                                         model_type="unigram", normalization_rule_tsv=path("rules.tsv"))
os.remove(path("tokenizer.vocab"))
os.remove(path("rules.tsv"))
unigram = sentencepiece.SentencePieceProcessor(model_file=path("tokenizer.model"))
odd = ["", " ", "  ", "Hello world", "don't we'll I'm you've they're he'd it's", "DON'T", "a  b   c", " leading",
       "trailing  ", "\n\n x\t\ty \n", "na\u00efve caf\u00e9", "\u65e5\u672c\u8a9e",
       "\U0001f600\U0001f44d\U0001f3fd",
       "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\u2167 \u00bd \u00b2 123 \u0663\u0664",
       "\ufb01 \ufb00 \u212b \uff26",
       "\u00a0nbsp\u2003em", "<|endoftext|>", "a<|endoftext|> b", "'s't", "''ll", "x'sx", "e\u0301", "\u200bzero",
       "\U0001d4b3\U0001d7d9", "\uff76\uff9e", "1,000.50\u20ac", "http://a.b/c?d=e&f", "\x01\x7f",
       "\u2581x \u2581", "\u1e9e \u0130",
       "\ud55c\uad6d\uc5b4", "\u0939\u093f\u0928\u094d\u0926\u0940", "\u0627\u0644\u0639", "\u05e2\u05d1"]
draw = random.Random(5)
pool = " \u3000\t\nabcXYZ019'.,!?-_\u00e9\u65e5\U0001f600\u00bd\u0301\u200d\u00a0\u2019\u00df\ufb01\u2581sdtmrevl"
odd += ["".join(draw.choice(pool) for _ in range(draw.randint(1, 24))) for _ in range(300)]
odd += [" ".join(draw.choice(text.split()) for _ in range(draw.randint(1, 8))) for _ in range(60)]
with open(path("odd.txt"), "w") as f, open(path("bpe.want"), "w") as b, open(path("unigram.want"), "w") as u:
    for o in odd:
        f.write(o.encode().hex() + "\n")
        b.write(" ".join(map(str, bpe.encode(o).ids)) + "\n")
        u.write(" ".join(map(str, unigram.encode(o))) + "\n")

# BPE of Llama 3 and Qwen 2; of SentencePiece, with pieces of a user; the same model as Llama 2's tokenizer.json, in its
# older and its newer form. Texts of more.txt have several lines, and the tokens that begin and end a text.
from tokenizers import AddedToken, Regex, normalizers, processors  # noqa: E402

LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
          r"\s+(?!\S)|\s+")
more = odd[:120] + ["x\r\n\r\ny", " \r\n z", "12345 1234", "  12", "\n\n\n a", "DON'T we'LL", "a  \n  b", "!!!\n\nx",
                    " !?",
                    " \n!", "tab\tx", "\u00a0x", "\u3000 y", "<s>a</s> b", "<s> a", "a <user> ing singing", "<user>"]


def save_tokens(name, encode):
    with open(path(name + ".want"), "w") as f:
        for o in more:
            f.write(" ".join(map(str, encode(o))) + "\n")


with open(path("more.txt"), "w") as f:
    for o in more:
        f.write(o.encode().hex() + "\n")
for name, pattern in (("llama3", LLAMA3), ("qwen2", LLAMA3.replace("{1,3}", ""))):
    t = Tokenizer(models.BPE(ignore_merges=name == "llama3"))
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "isolated"),
                                               pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    t.train_from_iterator([text], trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<|begin_of_text|>", "<|end_of_text|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    t.post_processor = processors.TemplateProcessing(single="<|begin_of_text|> $A",
                                                     special_tokens=[("<|begin_of_text|>", 0)])
    t.save(path(name + ".json"))
    save_tokens(name, lambda o: t.encode(o, add_special_tokens=False).ids)
for name, users in (("pieces", ["<user>", "ing"]), ("llama2", [])):
    sentencepiece.SentencePieceTrainer.train(
        input=SOURCE, model_prefix=path(name), vocab_size=400, minloglevel=2, model_type="bpe", byte_fallback=True,
        normalization_rule_name="identity", remove_extra_whitespaces=False, user_defined_symbols=users)
    os.remove(path(name + ".vocab"))
    model = sentencepiece.SentencePieceProcessor(model_file=path(name + ".model"))
    save_tokens(name, model.encode)
pieces = {model.id_to_piece(i): i for i in range(model.get_piece_size())}
merges = []
for p, i in pieces.items():
    cuts = [(p[:k], p[k:]) for k in range(1, len(p)) if p[:k] in pieces and p[k:] in pieces and p[0] != "<"]
    merges += [(-model.get_score(i), pieces[a], pieces[b], a, b) for a, b in cuts]
merges = [m[3:] for m in sorted(merges)]
for name in ("llama2_old", "llama2_new"):
    t = Tokenizer(models.BPE(vocab=pieces, merges=merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    if name == "llama2_old":
        t.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    else:
        t.pre_tokenizer = pre_tokenizers.Metaspace("\u2581", prepend_scheme="first", split=False)
    t.add_special_tokens([AddedToken(s, special=True, normalized=False) for s in ("<s>", "</s>")])
    t.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    t.save(path(name + ".json"))
    save_tokens(name, lambda o: t.encode(o, add_special_tokens=False).ids)

# A small GPT-2 with that vocabulary: its scores, and what it generates greedily from windows of 24 tokens, and with a
# cache of 24, which begins again with the last 12.
config = hf.GPT2Config(vocab_size=320, n_positions=24, n_embd=8, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=0)
gpt2 = hf.GPT2LMHeadModel(config)
ids = bpe.encode("The licence doesn't").ids
cached, first = list(ids), 0
model("gpt2", gpt2, [torch.tensor([ids])], lambda m: m(torch.tensor([ids])).logits)
for _ in range(40):
    with torch.no_grad():
        ids.append(int(gpt2(torch.tensor([ids[-24:]])).logits[0, -1].argmax()))
        first = len(cached) - 12 if len(cached) - first > 24 else first
        cached.append(int(gpt2(torch.tensor([cached[first:]])).logits[0, -1].argmax()))
    assert ids[-1] != 0
with open(path("greedy_cached.want"), "w") as f:
    f.write(",".join(map(str, cached)) + "\n")
with open(path("greedy.want"), "w") as f:
    f.write(",".join(map(str, ids)) + "\n")
shutil.rmtree(path("tmp"))
