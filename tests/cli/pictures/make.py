# SPDX-License-Identifier: Apache-2.0
# Writes the pictures of this folder, and their pixels as Pillow has them: `python3 make.py`, with pillow 13.0.0.
# expected.txt: lines NAME EXPORT VALUES, where EXPORT is one of images.nn in images.sh.
import io, os, random, struct, zlib
from PIL import Image

here = os.path.dirname(os.path.abspath(__file__))
W, H = 13, 9
random.seed(7)


def path(name):
    return os.path.join(here, name)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(name, depth, color, rows, extra=b"", interlace=None):
    """rows: bytes of each row; interlace: the rows of the seven passes"""
    body = b"".join(b"\0" + r for p in (interlace or [rows]) for r in p)
    with open(path(name), "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", W, H, depth, color, 0, 0, bool(interlace)))
                + extra + chunk(b"IDAT", zlib.compress(body, 9)) + chunk(b"IEND", b""))


def smooth(i, x, y):
    return int((x * (i + 2) * 9 + y * (3 - i) * 11 + random.randrange(30)) % 256)


rgb = Image.new("RGB", (W, H))
rgb.putdata([tuple(smooth(i, x, y) for i in range(3)) for y in range(H) for x in range(W)])
rgba = rgb.convert("RGBA")
rgba.putalpha(Image.frombytes("L", (W, H), bytes((3 * i) % 256 for i in range(W * H))))
grey = rgb.convert("L")
palette = rgb.quantize(11)
wide = [[random.randrange(65536) for _ in range(3 * W)] for _ in range(H)]
passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
pixel = rgb.load()

rgb.save(path("rgb.png"))
rgba.save(path("rgba.png"))
grey.save(path("grey.png"))
grey.convert("1").save(path("bit.png"))
rgba.convert("LA").save(path("greya.png"))
palette.save(path("palette.png"), transparency=bytes([255, 0, 128] + [255] * 8))
png("wide.png", 16, 2, [b"".join(struct.pack(">H", v) for v in r) for r in wide])
png("greywide.png", 16, 0, [b"".join(struct.pack(">H", v) for v in r[:W]) for r in wide], chunk(b"gAMA", b"\0\0\x80\0"))
png("adam7.png", 8, 2, None, interlace=[[b"".join(bytes(pixel[x, y]) for x in range(x0, W, dx))
                                         for y in range(y0, H, dy)] for x0, y0, dx, dy in passes if x0 < W])
rgb.save(path("rgb.jpg"), quality=85, subsampling=2)
rgb.save(path("progressive.jpg"), quality=90, progressive=True)
grey.save(path("grey.jpg"), quality=80)
rgb.convert("CMYK").save(path("cmyk.jpg"), quality=95)


def planes(image):
    data = list(image.get_flattened_data())
    return data if image.mode == "L" else [p[i] for i in range(len(image.mode)) for p in data]


def load(name):
    if name in ("wide.png", "greywide.png"):
        data = [[(v + 128) // 257 for v in r] for r in wide]
        image = Image.new("RGB" if name == "wide.png" else "L", (W, H))
        image.putdata([tuple(r[3 * x : 3 * x + 3]) for r in data for x in range(W)] if image.mode == "RGB"
                      else [r[x] for r in data for x in range(W)])
        return image
    return Image.open(path(name))


def put(f, name, export, image):
    f.write("%s %s %s\n" % (name, export, ",".join(map(str, planes(image)))))


with open(path("expected.txt"), "w") as f:
    for name in sorted(n for n in os.listdir(here) if n.endswith((".png", ".jpg"))):
        image = load(name)
        colour = image.convert("RGBA").convert("RGB")
        put(f, name, "colour", colour)
        put(f, name, "grey", image.convert("LA").convert("L") if image.mode in ("L", "LA", "1") else colour.convert("L"))
        if image.mode != "CMYK":
            put(f, name, "alpha", image.convert("RGBA"))
    for name in ("rgb.png", "rgb.jpg"):
        image = Image.open(path(name))
        put(f, name, "small", image.resize((6, 4), Image.BILINEAR))
        put(f, name, "large", image.resize((20, 31), Image.BILINEAR))
        put(f, name, "narrow", image.resize((3, 20), Image.BILINEAR).convert("RGB"))
        put(f, name, "middle", image.crop((4, 1, 8, 8)))
        short = image.resize((int(6 * W / H), 6), Image.BILINEAR)
        put(f, name, "both", short.crop(((short.width - 5) // 2 + ((short.width - 5) % 4 == 3), 0,
                                         (short.width - 5) // 2 + ((short.width - 5) % 4 == 3) + 5, 6)))
