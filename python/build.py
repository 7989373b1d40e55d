# SPDX-License-Identifier: Apache-2.0
"""Builds the wheel and the source distribution for pip (PEP 517). The wheel has the package, the library and the gradc
program, which `make` builds in the folder above; the source distribution has what they are built from."""
import base64
import gzip
import hashlib
import io
import os
import re
import subprocess
import sysconfig
import tarfile
import zipfile

from elf import missing, platform_tag

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
SOURCES = ("LICENSE", "Makefile", "README.md", "codegen", "driver", "export", "frontend", "import", "ir", "lib", "passes",
           "prim", "python", "runtime", "serve", "std", "weights")
# Without the libraries for pictures the objects of the wheel are others.
BUILD = "build/portable" if os.environ.get("PICTURES") == "no" else "build"
LIBRARY, PROGRAM = BUILD + "/libgradc.so.0", BUILD + "/gradc"


def _read(*path):
    with open(os.path.join(*path), "rb") as f:
        return f.read()


def _version():
    return re.search(r'#define GRADC_VERSION "(.*)"', _read(ROOT, "lib", "gradc.h").decode()).group(1)


def _metadata():
    return (f"Metadata-Version: 2.1\nName: gradc\nVersion: {_version()}\nSummary: compiler for neural networks\n"
            "License: Apache-2.0\nRequires-Python: >=3.8\nRequires-Dist: numpy>=1.19\n"
            "Description-Content-Type: text/markdown\n\n" + _read(ROOT, "README.md").decode()).encode()


def _files(folder):
    """The files below a folder of the source tree, sorted, without what was built there."""
    for at, folders, names in os.walk(os.path.join(ROOT, folder)):
        folders[:] = sorted(f for f in folders if f != "__pycache__" and not f.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and not name.endswith((".pyc", ".whl", ".tar.gz")):
                yield os.path.relpath(os.path.join(at, name), ROOT)


# ---- the wheel ----


def _make():
    subprocess.run(["make", "-s", f"-j{os.cpu_count() or 1}", "-C", ROOT, "BUILD=" + BUILD, "lib", PROGRAM], check=True)


def _stripped(path):
    """A file without debugging information, if there is `strip`."""
    to = os.path.join(ROOT, path + ".stripped")
    try:
        subprocess.run(["strip", "--strip-unneeded", "-o", to, os.path.join(ROOT, path)], check=True)
        return _read(to)
    except (OSError, subprocess.CalledProcessError):
        return _read(ROOT, path)
    finally:
        if os.path.exists(to):
            os.remove(to)


def _write_wheel(path, info, files):
    record = ""
    for name, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        record += f"{name},sha256={digest},{len(data)}\n"
    files[f"{info}/RECORD"] = (record + f"{info}/RECORD,,\n").encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as z:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o100755 if name == "gradc/program" else 0o100644) << 16
            z.writestr(entry, data)


def _said(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""


def beside(objects, path):
    """The libraries for pictures that objects, of which one is at `path`, need: {"libpng16.so.16": its bytes}, and their
    licences. Nothing unless all are found with their licence, as Debian's packages have it."""
    files, licences = {}, {}
    for name in missing(objects):
        at = re.search(r"^\s*" + re.escape(name) + r" => (\S+)", _said("ldd", path), re.M)
        at = os.path.realpath(at.group(1)) if at else ""
        package = (_said("dpkg-query", "-S", at) or _said("dpkg-query", "-S", "*" + os.path.basename(at))).split(":")[0]
        licence = os.path.join("/usr/share/doc", package, "copyright") if package else ""
        if not name.startswith(("libpng", "libjpeg")) or not os.path.exists(licence):
            return {}, {}
        files[name], licences[package] = _read(at), _read(licence)
    return files, licences


def _finished(wheel_directory, files, platform, licences=()):
    """Adds the metadata to the files of a wheel and writes it; returns its name."""
    tag, info = f"py3-none-{platform}", f"gradc-{_version()}.dist-info"
    for name in licences:
        files[f"{info}/licenses/{name}"] = licences[name]
    files[f"{info}/METADATA"] = _metadata()
    files[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: gradc\nRoot-Is-Purelib: false\nTag: {tag}\n".encode()
    files[f"{info}/entry_points.txt"] = b"[console_scripts]\ngradc = gradc_command:main\n"
    files[f"{info}/LICENSE"] = _read(ROOT, "LICENSE")
    wheel = f"gradc-{_version()}-{tag}.whl"
    _write_wheel(os.path.join(wheel_directory, wheel), info, files)
    return wheel


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    _make()
    files = {path[len("python/"):]: _read(ROOT, path) for path in [*_files("python/gradc"), "python/gradc_command.py"]}
    files["gradc/libgradc.so.0"], files["gradc/program"] = _stripped(LIBRARY), _stripped(PROGRAM)
    objects = [files["gradc/libgradc.so.0"], files["gradc/program"]]
    libraries, licences = beside(objects, os.path.join(ROOT, LIBRARY))
    files.update(("gradc/" + name, data) for name, data in libraries.items())
    tag = platform_tag([*objects, *libraries.values()], sysconfig.get_platform(), libraries)
    return _finished(wheel_directory, files, tag, licences)


def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    """pip install -e: the package, the library and the program where they are."""
    _make()
    return _finished(wheel_directory, {"gradc.pth": (HERE + "\n").encode()}, platform_tag([], sysconfig.get_platform()))


# ---- the source distribution ----


def build_sdist(sdist_directory, config_settings=None):
    name = f"gradc-{_version()}"
    files = {path: _read(ROOT, path) for source in SOURCES
             for path in ([source] if os.path.isfile(os.path.join(ROOT, source)) else _files(source))}
    # The same project one folder higher, where pip looks for it.
    project = files["python/pyproject.toml"]
    files["pyproject.toml"] = project.replace(b'backend-path = ["."]', b'backend-path = ["python"]')
    files["PKG-INFO"] = _metadata()
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as t:
        for path, data in files.items():
            entry = tarfile.TarInfo(f"{name}/{path}")
            entry.size, entry.mtime, entry.mode = len(data), 315532800, 0o644
            t.addfile(entry, io.BytesIO(data))
    with open(os.path.join(sdist_directory, name + ".tar.gz"), "wb") as f:
        f.write(gzip.compress(archive.getvalue(), mtime=0))
    return name + ".tar.gz"
