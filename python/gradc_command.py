# SPDX-License-Identifier: Apache-2.0
"""The gradc command of the wheel: replaces the process by the program beside the package. A module of its own, since
the command is not to wait for NumPy."""
import os
import sys


def main() -> None:
    """Runs the program with the arguments of this process, and does not return."""
    here = os.path.dirname(os.path.abspath(__file__))
    program = os.path.join(here, "gradc", "program")
    if not os.path.exists(program):  # in the source tree
        program = os.path.join(here, os.pardir, "gradc")
    try:
        os.execv(program, ["gradc", *sys.argv[1:]])
    except OSError as e:
        sys.exit(f"gradc: cannot run {program}: {e.strerror}")
