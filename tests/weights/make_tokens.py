# SPDX-License-Identifier: Apache-2.0
"""make_tokens.py FOLDER [N]: tokenizers of the package `tokenizers` 0.23.3, trained here, and the tokens that they give
odd texts: FOLDER/NAME.json, NAME.want, and uni.txt, the texts in hexadecimal. With N, that many random texts, which is
not committed. make.py writes the other tokenizers."""
import json
import os
import random
import sys

from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors,
                        trainers)

out, many = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0
text = open("/usr/share/common-licenses/GPL-3").read()
extra = "Caf\u00e9 na\u00efve \u00fcber \u00c5ngstr\u00f6m \u65e5\u672c\u8a9e\u306e\u6587 \ud55c\uad6d\uc5b4 \ufb01n 12 \u00bd "
training = [text, extra * 40]
BERT = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def bert(name, lowercase, **how):
    t = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=20))
    t.normalizer = normalizers.BertNormalizer(lowercase=lowercase, **how)
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.train_from_iterator(training, trainers.WordPieceTrainer(vocab_size=400, special_tokens=BERT, show_progress=False))
    t.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    t.decoder = decoders.WordPiece()
    return name, t


def unigram(name, normalizer, pre, byte_fallback=False):
    t = Tokenizer(models.Unigram())
    t.normalizer, t.pre_tokenizer = normalizer, pre
    special = ["<unk>", "<s>", "</s>"] + ([f"<0x{i:02X}>" for i in range(256)] if byte_fallback else [])
    t.train_from_iterator(training, trainers.UnigramTrainer(vocab_size=600 if byte_fallback else 300, unk_token="<unk>",
                                                            special_tokens=special, show_progress=False))
    d = json.loads(t.to_str())
    d["model"]["byte_fallback"] = byte_fallback
    d["added_tokens"] = [a for a in d["added_tokens"] if not a["content"].startswith("<0x")]
    return name, Tokenizer.from_str(json.dumps(d))


def bpe(name, normalizer, pre, **how):
    t = Tokenizer(models.BPE(unk_token="<unk>", **how))
    t.normalizer, t.pre_tokenizer = normalizer, pre
    byte_level = "ByteLevel" in str(pre)
    t.train_from_iterator(training, trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<unk>", "</s>"], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet() if byte_level else []))
    t.add_tokens([AddedToken("\u00c5ngstr\u00f6m", normalized=True), AddedToken("<L>", lstrip=True, normalized=False),
                  AddedToken("<R>", rstrip=True, normalized=False), AddedToken("<both>", lstrip=True, rstrip=True),
                  AddedToken("<s p>", normalized=True)])
    return name, t


N, P = normalizers, pre_tokenizers
made = [bert("words", True), bert("words_cased", False, strip_accents=False), bert("words_plain", True, clean_text=False,
                                                                                 handle_chinese_chars=False),
        unigram("uni_nfkc", N.Sequence([N.NFKC(), N.Lowercase()]), P.Metaspace()),
        unigram("uni_words", N.Sequence([N.NFKD(), N.StripAccents(), N.Strip()]),
                P.Sequence([P.WhitespaceSplit(), P.Metaspace()])),
        unigram("uni_bytes", N.NFC(), P.Metaspace(prepend_scheme="first", split=False), True),
        bpe("bpe_nfc", N.NFC(), P.ByteLevel(add_prefix_space=True)),
        bpe("bpe_nfd", N.Sequence([N.NFD(), N.Lowercase(), N.Replace("licence", "LICENCE"), N.Prepend("<")]),
            P.Sequence([P.Punctuation(), P.Digits(individual_digits=True), P.WhitespaceSplit()])),
        bpe("bpe_digits", None, P.Sequence([P.Digits(), P.ByteLevel(add_prefix_space=False)])),
        bpe("bpe_each", N.Lowercase(), P.WhitespaceSplit(), fuse_unk=False)]
draw = random.Random(11)
blocks = [(0x20, 0x7E), (0xA0, 0x24F), (0x250, 0x3FF), (0x300, 0x36F), (0x400, 0x52F), (0x590, 0x7BF), (0x900, 0xDFF),
          (0x1100, 0x11FF), (0x1E00, 0x20CF), (0x2100, 0x23FF), (0x2460, 0x26FF), (0x3000, 0x33FF), (0x4E00, 0x4E80),
          (0xAC00, 0xACFF), (0xF900, 0xFB06), (0xFE30, 0xFFEF), (0x1D15E, 0x1D7FF), (0x1F100, 0x1F6FF),
          (0x2F800, 0x2FA1D), (0x0, 0x1F), (0xE000, 0xE010), (0xFDFA, 0xFDFA), (0x2028, 0x2029), (0x85, 0x85)]
words = text.split() + ["<L>", "<R>", "<both>", "<s p>", "\u00c5ngstr\u00f6m", "A\u030angstro\u0308m", "[CLS]",
                        "[MASK]", "</s>", "12345"]
singles = [chr(c) for a, b in blocks for c in range(a, b + 1)]


def odd():
    n = draw.randint(0, 12)
    kind = draw.random()
    if kind < 0.3:
        return " ".join(draw.choice(words) for _ in range(n))
    if kind < 0.6:
        return "".join(draw.choice([draw.choice(singles), draw.choice(words), " ", "\u0301", "\u0323"])
                       for _ in range(n))
    a, b = draw.choice(blocks)
    return "".join(chr(draw.randint(a, b)) if draw.random() < 0.8 else draw.choice(" \n\t.-") for _ in range(n))


texts = ["", " ", "  \n", "I\u0307\u0130\u00df\u03a3\u03c3\u03c2", "a" * 25, "\u1100\u1161\u11a8\uac00\u11a8 \uac01",
         "\u0041\u0327\u030a\u0301 \u1e9b\u0323", "x <L> y <R>  z  <both>  w<s p>",
         "a\u0300\u0301\u0316\u0300 q\u0307\u0323",
         "\ufdfa \u2126 \u212b \ufb03", "mid\u00b7dot \u00ab\u00bb \u3002", "\u65e5\u672cab\u8a9e"]
texts += [odd() for _ in range(many or 160)]
texts = [t.encode("utf-8", "ignore").decode() for t in texts]
with open(os.path.join(out, "uni.txt"), "w") as f:
    for o in texts:
        f.write(o.encode().hex() + "\n")
for name, t in made:
    t.save(os.path.join(out, name + ".json"), pretty=False)
    with open(os.path.join(out, name + ".want"), "w") as f:
        for o in texts:
            f.write(" ".join(map(str, t.encode(o, add_special_tokens=False).ids)) + "\n")
# What is not read.
refused = {"regex": Tokenizer(models.BPE()), "script": Tokenizer(models.BPE()), "level": Tokenizer(models.WordLevel())}
refused["regex"].normalizer = N.Replace(Regex(" {2,}"), " ")
refused["script"].pre_tokenizer = P.UnicodeScripts()
for name, t in refused.items():
    t.save(os.path.join(out, f"no_{name}.json"), pretty=False)
