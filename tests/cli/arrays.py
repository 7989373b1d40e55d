# SPDX-License-Identifier: Apache-2.0
# arrays.py: writes 60 records of 4 numbers and a class as csv, npy, npz (stored, deflated, with 64-bit sizes) and
# safetensors, in parts too, into the current folder. As numpy and the safetensors library write them.
import json, struct, zipfile

N = 60
x = [[((i * 7 + j * 3) % 11) / 4 - 1 + (i % 3) * (j == 1) for j in range(4)] for i in range(N)]
y = [i % 3 for i in range(N)]


def npy(kind, shape, data):
    head = "{'descr': '%s', 'fortran_order': False, 'shape': %s, }" % (kind, shape)
    head += " " * (63 - (10 + len(head)) % 64) + "\n"
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(head)) + head.encode() + data


def arrays(a, b):
    n = b - a
    floats = struct.pack("<%df" % (4 * n), *(v for r in x[a:b] for v in r))
    return npy("<f4", "(%d, 4)" % n, floats), npy("<i8", "(%d,)" % n, struct.pack("<%dq" % n, *y[a:b]))


def npz(name, method, a=0, b=N, wide=False):
    with zipfile.ZipFile(name, "w", method) as z:
        for key, data in zip(("x", "y"), arrays(a, b)):
            with z.open(key + ".npy", "w", force_zip64=wide) as f:
                f.write(data)


def csv(name, a, b):
    with open(name, "w") as f:
        f.write("a,b,c,d,kind\n")
        for r, k in zip(x[a:b], y[a:b]):
            f.write(",".join(map(str, r)) + ",%s\n" % "pqr"[k])


csv("all.csv", 0, N)
for i, (a, b) in enumerate([(0, 17), (17, 18), (18, N)]):
    csv("part-%d.csv" % i, a, b)
    npz("part-%d.npz" % i, zipfile.ZIP_DEFLATED, a, b)
    for key, data in zip(("x", "y"), arrays(a, b)):
        open("%s-%d.npy" % (key, i), "wb").write(data)
npz("stored.npz", zipfile.ZIP_STORED)
npz("deflated.npz", zipfile.ZIP_DEFLATED)
npz("wide.npz", zipfile.ZIP_DEFLATED, wide=True)
npz("other.npz", zipfile.ZIP_LZMA)
# numbers of the classes, and missing values
gaps = [[v if (i, j) not in ((4, 1), (20, 0), (20, 3), (59, 2)) else float("nan") for j, v in enumerate(r)]
        for i, r in enumerate(x)]
with open("gaps.csv", "w") as f:
    f.write("a,b,c,d,kind\n")
    for r, k in zip(gaps, y):
        f.write(",".join("" if v != v else str(v) for v in r) + ",%d\n" % k)
x, kept = gaps, x
npz("gaps.npz", zipfile.ZIP_DEFLATED)
x = kept
half = struct.pack("<%dH" % (4 * N), *(struct.unpack("<I", struct.pack("<f", v))[0] >> 16 for r in x for v in r))
labels = struct.pack("<%dq" % N, *y)
head = {"y": {"dtype": "I64", "shape": [N], "data_offsets": [0, len(labels)]},
        "x": {"dtype": "BF16", "shape": [N, 4], "data_offsets": [len(labels), len(labels) + len(half)]}}
text = json.dumps(head).encode()
open("all.safetensors", "wb").write(struct.pack("<Q", len(text)) + text + labels + half)
