# SPDX-License-Identifier: Apache-2.0
"""Builds the wheel for pip (PEP 517): `make lib` in the folder above, and the library beside the module."""
import base64
import hashlib
import os
import re
import subprocess
import sysconfig
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)


def _version():
    with open(os.path.join(ROOT, "lib", "gradc.h"), encoding="utf-8") as f:
        return re.search(r'#define GRADC_VERSION "(.*)"', f.read()).group(1)


def _metadata():
    return (f"Metadata-Version: 2.1\nName: gradc\nVersion: {_version()}\nSummary: compiler for neural networks\n"
            "License: Apache-2.0\nRequires-Python: >=3.8\nRequires-Dist: numpy>=1.19\n")


def _make():
    jobs = f"-j{os.cpu_count() or 1}"
    subprocess.run(["make", "-s", jobs, "-C", ROOT, "lib"], check=True)
    return os.path.join(ROOT, "build", "libgradc.so.0")


def get_requires_for_build_wheel(config_settings=None):
    return []


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    tag, info = f"py3-none-{platform}", f"gradc-{_version()}.dist-info"
    files = {f"{info}/METADATA": _metadata().encode(),
             f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: gradc\nRoot-Is-Purelib: false\nTag: {tag}\n".encode()}
    modules = [(name, os.path.join(HERE, name)) for name in ("gradc.py", "gradc_arrays.py")]
    for name, path in modules + [("libgradc.so.0", _make())]:
        with open(path, "rb") as f:
            files[name] = f.read()
    record = ""
    for name, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        record += f"{name},sha256={digest},{len(data)}\n"
    files[f"{info}/RECORD"] = (record + f"{info}/RECORD,,\n").encode()
    wheel = f"gradc-{_version()}-{tag}.whl"
    with zipfile.ZipFile(os.path.join(wheel_directory, wheel), "w", zipfile.ZIP_DEFLATED) as z:
        for name, data in files.items():
            z.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)
    return wheel


def build_sdist(sdist_directory, config_settings=None):
    raise NotImplementedError("gradc is built from its source tree: pip install ./python")
