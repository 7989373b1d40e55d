# SPDX-License-Identifier: Apache-2.0
"""weights.py SEED FILE: made-up weights of tests/serve/model.nn."""
import json
import random
import struct
import sys

random.seed(int(sys.argv[1]))
head, data = {}, b""
for name, shape in (("1.w", [4, 64]), ("1.b", [64]), ("2.w", [64, 64]), ("2.b", [64]), ("3.w", [64, 3]), ("3.b", [3])):
    n = shape[0] * (shape[1] if len(shape) > 1 else 1)
    values = [random.uniform(-1, 1) / 4 for _ in range(n)]
    head["net.linear_" + name] = dict(dtype="F32", shape=shape, data_offsets=[len(data), len(data) + 4 * n])
    data += struct.pack("<%df" % n, *values)
head["picked.w"] = dict(dtype="F32", shape=[3, 2], data_offsets=[len(data), len(data) + 24])
data += struct.pack("<6f", 2, 3, 3, 3, 3, 4)
text = json.dumps(head).encode()
text += b" " * (-len(text) % 8)
with open(sys.argv[2], "wb") as f:
    f.write(struct.pack("<Q", len(text)) + text + data)
