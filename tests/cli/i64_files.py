#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Without arguments: writes eight numbers as k.npy, k.csv, k.jsonl, k.npz and k.safetensors, one of them changed as
almost.safetensors, and prints three times their sum and 2^62 + 1, wrapped to 64 bits. With a file of weights: prints
its tensor n.seen."""
import json
import struct
import sys
import zipfile

if len(sys.argv) > 1:
    b = open(sys.argv[1], "rb").read()
    n = struct.unpack("<Q", b[:8])[0]
    t = json.loads(b[8:8 + n])["n.seen"]
    assert t["dtype"] == "I64"
    print(*struct.unpack("<q", b[8 + n + t["data_offsets"][0]:8 + n + t["data_offsets"][1]]))
    sys.exit()
k = [2**63 - 1, -(2**63), 2**53 + 1, -(2**53) - 3, 1234567890123456789, 5, -7, 2**62 + 1]
head = "{'descr': '<i8', 'fortran_order': False, 'shape': (8,), }"
array = b"\x93NUMPY\x01\x00" + struct.pack("<H", 118) + head.ljust(117).encode() + b"\n" + struct.pack("<8q", *k)
open("k.npy", "wb").write(array)
open("k.csv", "w").write("".join(f"{v}\n" for v in k))
open("k.jsonl", "w").write("".join(json.dumps({"k": v}) + "\n" for v in k))
with zipfile.ZipFile("k.npz", "w") as z:
    z.writestr("k.npy", array)
for name, numbers in (("k", k), ("almost", k[:2] + [2**53] + k[3:])):
    tensors = json.dumps({"k": {"dtype": "I64", "shape": [8], "data_offsets": [0, 64]}}).encode()
    open(name + ".safetensors", "wb").write(struct.pack("<Q", len(tensors)) + tensors + struct.pack("<8q", *numbers))
print((3 * sum(k) + 2**62 + 1 + 2**63) % 2**64 - 2**63)
