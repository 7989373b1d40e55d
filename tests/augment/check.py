# SPDX-License-Identifier: Apache-2.0
"""make FILE writes the records of fields.nn; check FILE... reads what fields.c printed of them, and finds for every
record the random choice that explains all of its pixels, by formulas of its own (colorsys for the hue)."""
import colorsys
import math
import random
import sys

N, S = 40, 8
failed = []


def make(path):
    rng = random.Random(1)
    with open(path, "w") as f:
        for r in range(N):
            p = [i for i in range(S) for j in range(S)] + [j for i in range(S) for j in range(S)]
            f.write(",".join(map(str, [r] + p + [round(rng.uniform(0, 7), 3) for _ in range(64)])) + "\n")


def want(name, ok, why=""):
    if not ok:
        failed.append(f"{name}: {why}")


def close(a, b, eps=2e-4):
    return len(a) == len(b) and all(abs(x - y) <= eps for x, y in zip(a, b))


def at(p, c, i, j, value, edge=False, h=S, w=S):
    if edge:
        i, j = min(max(i, 0), h - 1), min(max(j, 0), w - 1)
    return p[(c * h + i) * w + j] if 0 <= i < h and 0 <= j < w else value


def window(p, top, left, h, w, value):
    return [at(p, c, top + i, left + j, value) for c in range(3) for i in range(h) for j in range(w)]


def linear(p, c, y, x, value, edge):
    i, j = math.floor(y), math.floor(x)
    v, u = y - i, x - j
    return sum(at(p, c, i + a, j + b, value, edge) * (v if a else 1 - v) * (u if b else 1 - u)
               for a in (0, 1) for b in (0, 1))


def turned(p, angle):
    m, s, c = (S - 1) / 2, math.sin(angle), math.cos(angle)
    return [linear(p, k, m + c * (i - m) + s * (j - m), m + c * (j - m) - s * (i - m), -1, False)
            for k in range(3) for i in range(S) for j in range(S)]


def turn(p, q):
    # pixel (3, 4) comes from m + c di + s dj, with di = -0.5, dj = 0.5: rows there give c and s
    y, x = at(q, 0, 3, 4, 0) - 3.5, at(q, 1, 3, 4, 0) - 3.5
    angle = math.atan2(y + x, x - y)
    want("turn", abs(angle) <= math.radians(30) + 1e-3, angle)
    want("turn", close(turned(p, angle), q, 2e-2), f"angle {math.degrees(angle)}")
    return angle


def box(p, q):
    h, w = 6, 10
    rows, cols = [at(q, 0, i, 0, 0, h=h, w=w) for i in range(h)], [at(q, 1, 0, j, 0, h=h, w=w) for j in range(w)]
    inner = [k for k in range(1, w - 2) if 0 < cols[k] < 7 and 0 < cols[k + 1] < 7]
    iny = [k for k in range(1, h - 2) if 0 < rows[k] < 7 and 0 < rows[k + 1] < 7]
    dy, dx = rows[iny[0] + 1] - rows[iny[0]], cols[inner[0] + 1] - cols[inner[0]]
    y0, x0 = rows[iny[0]] - iny[0] * dy, cols[inner[0]] - inner[0] * dx
    top, left = y0 + 0.5 - dy / 2, x0 + 0.5 - dx / 2  # of the box, pixels are centred at halves
    area, aspect = dy * h * dx * w / 64, dx * w / (dy * h)
    want("box", top > -1e-3 and left > -1e-3 and top + dy * h < 8.001 and left + dx * w < 8.001, (top, left, dy, dx))
    want("box", 0.06 < area < 1.001 and 0.7 < aspect < 1.4, (area, aspect))
    full = [linear(p, k, min(max(y0 + i * dy, 0), 7), min(max(x0 + j * dx, 0), 7), 0, True)
            for k in range(3) for i in range(h) for j in range(w)]
    want("box", close(full, q, 2e-2), (y0, x0, dy, dx))


def hole(name, p, q, biggest, may_be_none):
    gone = [(i, j) for i in range(S) for j in range(S) if at(q, 0, i, j, 0) == -1]
    if not gone:
        want(name, may_be_none and p == q, "nothing is erased")
        return 0
    i0, i1 = min(g[0] for g in gone), max(g[0] for g in gone)
    j0, j1 = min(g[1] for g in gone), max(g[1] for g in gone)
    want(name, len(gone) == (i1 - i0 + 1) * (j1 - j0 + 1) <= biggest, "no box")
    want(name, all(b == (-1 if (k % 64 // 8, k % 8) in set(gone) else a) for k, (a, b) in enumerate(zip(p, q))), "rest")
    return len(gone)


def blend(name, p, q, other, by, most=7):
    inner = [k for k in range(192) if 0.01 < q[k] < most - 0.01 and abs(p[k] - other[k]) > 0.5]
    f = (q[inner[0]] - other[inner[0]]) / (p[inner[0]] - other[inner[0]])
    want(name, 1 - by - 1e-3 <= f <= 1 + by + 1e-3, f)
    want(name, close([min(max(f * a + (1 - f) * b, 0), most) for a, b in zip(p, other)], q, 5e-3), f)
    return f


def hue(p, q):
    def pixels(v):
        return [tuple(v[c * 64 + k] / 7 for c in range(3)) for k in range(64)]
    a, b = pixels(p), pixels(q)
    k = max(range(64), key=lambda k: max(a[k]) - min(a[k]))
    by = (colorsys.rgb_to_hsv(*b[k])[0] - colorsys.rgb_to_hsv(*a[k])[0] + 0.5) % 1 - 0.5
    want("hue", abs(by) < 0.3001, by)
    for x, y in zip(a, b):
        h, s, v = colorsys.rgb_to_hsv(*x)
        want("hue", close(list(colorsys.hsv_to_rgb((h + by) % 1, s, v)), list(y), 1e-3), by)


def record(r, seen):
    p = r["plain"]
    want("flip", r["flip"] in (p, flipped(p)), "neither")
    seen["flip"].append(r["flip"] != p)
    crops = {(i, j) for i in range(5) for j in range(5) if window(p, i - 2, j - 2, 8, 8, -1) == r["crop"]}
    want("crop", len(crops) == 1, crops)
    cuts = {(i, j) for i in range(4) for j in range(3) if window(p, i, j, 5, 6, -1) == r["cut"]}
    want("cut", len(cuts) == 1, cuts)
    seen["crop"] += crops
    seen["cut"] += cuts
    seen["turn"].append(turn(p, r["turn"]) > 0)
    box(p, r["box"])
    seen["erase"].append(hole("erase", p, r["erase"], 64 * 0.45, True) > 0)
    seen["hole"].append(hole("hole", p, r["hole"], 16, False))
    seen["noise"] += [b - a for a, b in zip(p, r["noise"])]
    grey = [0.2989 * p[k] + 0.587 * p[64 + k] + 0.114 * p[128 + k] for k in range(64)]
    seen["bright"].append(blend("bright", p, r["bright"], [0] * 192, 0.4))
    blend("contrast", p, r["contrast"], [sum(grey) / 64] * 192, 0.4)
    blend("satur", p, r["satur"], grey * 3, 0.4)
    hue(p, r["hue"])
    i, own = int(r["id"][0]), r["x"][int(r["id"][0])]
    others = [k for k in range(N) if r["x"][k] and k != i]
    want("mixup", len(others) <= 1 and abs(sum(r["x"]) - 1) < 1e-6, others)
    want("mixup", abs(r["y"][0] - own * i - sum(r["x"][k] * k for k in others)) < 1e-4, r["y"])
    seen["other"] += others
    seen["share"].append(own)


def flipped(p):
    return [at(p, c, i, 7 - j, 0) for c in range(3) for i in range(S) for j in range(S)]


def read(path):
    rows = {}
    for line in open(path):
        r = {k: [float(v) for v in s.split()] for k, s in (f.split("=") for f in line.strip().rstrip(";").split(";"))}
        rows[int(r["id"][0])] = r
    return rows


def outside(rows):
    for r in rows.values():
        p = r["plain"]
        same = ["flip", "crop", "turn", "erase", "hole", "noise", "bright", "contrast", "satur", "hue"]
        want("hold-out", all(r[k] == p for k in same) and r["cut"] == window(p, 1, 1, 5, 6, 0), "it is changed")
        want("hold-out", r["x"] == [float(k == r["id"][0]) for k in range(N)] and r["y"] == r["id"], "it is mixed")


def check(first, again, second, held):
    a, b, c, h = read(first), read(again), read(second), read(held)
    want("batches", a == b and len(a) == 32, "other records")
    want("epochs", all(a[k]["noise"] != c[k]["noise"] for k in a), "the same")
    want("split", not set(a) & set(h) and set(a) == set(c) and len(h) == 8, "hold-out")
    outside(h)
    seen = {k: [] for k in "flip crop cut turn erase hole noise bright other share".split()}
    for r in list(a.values()) + list(c.values()):
        record(r, seen)
    n = seen["noise"]
    mean = sum(n) / len(n)
    want("noise", abs(mean) < 0.02 and abs(math.sqrt(sum(v * v for v in n) / len(n)) - 0.5) < 0.02, mean)
    for k in ("flip", "turn", "erase"):
        want(k, 16 <= sum(seen[k]) <= 48, sum(seen[k]))
    want("choices", len(set(seen["crop"])) > 15 and len(set(seen["cut"])) == 12 and max(seen["hole"]) == 16, "few")
    want("mixup", set(seen["other"]) <= set(a) and len(set(seen["other"])) > 15, "a record of the hold-out")
    want("mixup", 0.35 < sum(seen["share"]) / 64 < 0.65 and min(seen["share"]) < 0.1 and max(seen["share"]) > 0.9, "")


if sys.argv[1] == "make":
    make(sys.argv[2])
else:
    check(*sys.argv[2:])
    for line in failed[:8]:
        print("FAIL ", line)
    print(f"{1 - bool(failed)} passed, {int(bool(failed))} failed")
