# SPDX-License-Identifier: Apache-2.0
"""generate.py [LAYOUT [FOLDER]]: generation by gradc beside transformers, on the CPU. LAYOUT gpt2 is GPT-2 at its size
of 124 million parameters, llama a small Llama. Weights are random, in the published layout (model.safetensors, and
pytorch_model.bin of GPT-2), and so is the form of the tokenizer. Checks that greedy tokens are the same, then measures
single tokens in turns, in one process. Needs torch, transformers, tokenizers, and `make lib`; THREADS of both. Writes
CSV: the median milliseconds of a token, tokens a second, and the share of memory bandwidth: bytes of the weights that
a token reads, by those that PyTorch sums in that time."""
import os
import statistics
import subprocess
import sys
import tempfile
import time

import torch
import transformers as hf
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
sys.path.insert(0, os.path.join(ROOT, "python"))
import gradc  # noqa: E402

layout = sys.argv[1] if len(sys.argv) > 1 else "gpt2"
folder = sys.argv[2] if len(sys.argv) > 2 else tempfile.mkdtemp()
threads, tokens, rounds = int(os.environ.get("THREADS", 1)), 24, 4
path = lambda name: os.path.join(folder, name)
torch.set_num_threads(threads)
torch.manual_seed(1)


def made():
    """The model in FOLDER, its .nn, the constants of it, and the name of its map."""
    if layout == "gpt2":
        m = hf.GPT2LMHeadModel(hf.GPT2Config())
        nn, sizes = "examples/models/gpt2.nn", {}
    else:
        m = hf.LlamaForCausalLM(hf.LlamaConfig(
            vocab_size=8000, hidden_size=512, intermediate_size=1376, num_hidden_layers=8, num_attention_heads=8,
            num_key_value_heads=4, rms_norm_eps=1e-5, max_position_embeddings=512))
        nn = "examples/published/llama.nn"
        sizes = dict(VOCAB=8000, WIDTH=512, LAYERS=8, HEADS=8, KV_HEADS=4, HIDDEN=1376, CONTEXT=512)
    with torch.no_grad():
        for p in m.parameters():  # as a trained model, it should not say one word for ever
            p.add_(torch.randn_like(p) * 0.05)
    m.eval()
    m.save_pretrained(folder)
    if layout == "gpt2":
        torch.save(m.state_dict(), path("pytorch_model.bin"))
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.train(["/usr/share/common-licenses/GPL-3"], trainers.BpeTrainer(
        vocab_size=4000, special_tokens=["<|endoftext|>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False))
    t.save(path("tokenizer.json"))
    t.model.save(folder)
    return m, os.path.join(ROOT, nn), sizes


def converted(nn, sizes, source, to):
    sets = [f"--set={k}={v}" for k, v in sizes.items()]
    subprocess.run([os.path.join(ROOT, "gradc"), "weights", path(source), "--map", layout, "--for", nn, *sets, "-o",
                    path(to)], check=True, stdout=subprocess.DEVNULL)


def by_torch(m, ids, n, times=None):
    found, past, now = [], None, torch.tensor([ids])
    with torch.no_grad():
        for _ in range(n):
            begin = time.perf_counter()
            said = m(now, past_key_values=past, use_cache=True)
            past, best = said.past_key_values, int(said.logits[0, -1].argmax())
            if times is not None and found:
                times.append(time.perf_counter() - begin)
            found.append(best)
            now = torch.tensor([[best]])
    return found


def by_gradc(m, ids, n, times=None):
    at = []
    found = m.generate(ids, n, temperature=0, end=-1, callback=lambda _: at.append(time.perf_counter()))
    if times is not None:
        times.extend(b - a for a, b in zip(at, at[1:]))
    return found


def bandwidth():
    a = torch.ones(1 << 26)
    a.sum()
    seconds = []
    for _ in range(5):
        begin = time.perf_counter()
        a.sum()
        seconds.append(time.perf_counter() - begin)
    return a.numel() * 4 / min(seconds)


def main():
    theirs, nn, sizes = made()
    converted(nn, sizes, "model.safetensors", "w.safetensors")
    if layout == "gpt2":
        converted(nn, sizes, "pytorch_model.bin", "w2.safetensors")
        same = open(path("w.safetensors"), "rb").read() == open(path("w2.safetensors"), "rb").read()
        print("pytorch_model.bin:", "the same weights" if same else "OTHER WEIGHTS", file=sys.stderr)
    ours = gradc.compile(nn, threads=threads, **sizes)
    ours.load(path("w.safetensors"))
    t = gradc.Tokenizer(path("tokenizer.json"))
    ids = t.encode("The licence does not permit")
    want, got = by_torch(theirs, ids, 60), by_gradc(ours, ids, 60)
    print("60 greedy tokens:", "equal" if want == got else f"DIFFER {want} {got}", len(set(want)), file=sys.stderr)
    spent = {"gradc": [], "torch": []}
    for _ in range(rounds):
        by_gradc(ours, ids, tokens, spent["gradc"])
        by_torch(theirs, ids, tokens, spent["torch"])
    rate = bandwidth()
    read = sum(p.numel() for n, p in theirs.named_parameters() if "wpe" not in n and "embed_tokens" not in n) * 4
    print("side,layout,threads,parameters,ms_token,tokens_second,bandwidth_share")
    for side, times in spent.items():
        s = statistics.median(times)
        print(f"{side},{layout},{threads},{sum(p.numel() for p in theirs.parameters())},{s * 1000:.2f},{1 / s:.1f},"
              f"{read / s / rate:.2f}")
    sys.exit(want != got)


main()
