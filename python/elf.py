# SPDX-License-Identifier: Apache-2.0
"""What shared objects need of the machine: libraries and versions of their symbols, read from ELF files."""
import struct

# Those that every distribution of the manylinux tags has (PEP 600), of the ones that gradc could need.
COMMON = {"libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libgcc_s.so.1",
          "libz.so.1"}
NEEDED, STRTAB, VERNEED, VERNEEDNUM = 1, 5, 0x6FFFFFFE, 0x6FFFFFFF


def _dynamic(data):
    """The entries of the dynamic section as (tag, value), and a function from an address to its offset in the file."""
    if data[:6] != b"\x7fELF\x02\x01":
        raise ValueError("not an ELF file of 64 bits, little endian")
    at, = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    headers = [struct.unpack_from("<IIQQQQ", data, at + i * size) for i in range(count)]
    load = [h for h in headers if h[0] == 1]

    def offset(address):
        return next(address - h[3] + h[2] for h in load if h[3] <= address < h[3] + h[5])
    entries = [struct.unpack_from("<QQ", data, h[2] + i) for h in headers if h[0] == 2 for i in range(0, h[5], 16)]
    return entries, offset


def needs(data, without=()):
    """(the names of needed libraries, the versions of needed symbols such as "GLIBC_2.34") of an ELF file; without
    symbols of some libraries."""
    entries, offset = _dynamic(data)
    tags = dict(entries)
    strings = offset(tags[STRTAB]) if STRTAB in tags else 0

    def string(i):
        return data[strings + i:data.index(b"\0", strings + i)].decode()
    libraries = {string(value) for tag, value in entries if tag == NEEDED}
    versions, at = set(), offset(tags[VERNEED]) if VERNEED in tags else 0
    for _ in range(tags.get(VERNEEDNUM, 0)):
        _, count, library, aux, following = struct.unpack_from("<HHIII", data, at)
        entry = at + aux
        for _ in range(count):
            _, _, _, name, step = struct.unpack_from("<IHHII", data, entry)
            if string(library) not in without:
                versions.add(string(name))
            entry += step
        at += following
    return libraries, versions


def missing(objects, own=()):
    """The libraries that objects need and other distributions may lack."""
    libraries = set().union(*(needs(data)[0] for data in objects))
    return sorted(n for n in libraries - COMMON - set(own) if not n.startswith("ld-linux"))


def platform_tag(objects, platform, beside=()):
    """The tag of a wheel with these objects: "manylinux_2_34_x86_64" if they need no more than glibc 2.34 and the
    libraries that belong to it, or that are in the wheel, `beside` them; otherwise that of this machine, such as
    "linux_x86_64"."""
    own = platform.replace("-", "_").replace(".", "_")
    if not own.startswith("linux_"):
        return own
    try:
        found = [needs(data, {*beside, "libz.so.1"}) for data in objects]
    except (ValueError, struct.error):
        return own
    libraries, versions = set().union(*(f[0] for f in found)), set().union(*(f[1] for f in found))
    glibc = [tuple(map(int, v[len("GLIBC_"):].split("."))) for v in versions
             if v.startswith("GLIBC_") and v[len("GLIBC_"):].replace(".", "").isdigit()]
    others = set(missing(objects, beside))
    others |= {v for v in versions if not v.startswith(("GLIBC_", "GCC_")) or v == "GLIBC_PRIVATE"}
    if others or not glibc:
        return own
    return "manylinux_{}_{}_{}".format(*max(glibc)[:2], own[len("linux_"):])
