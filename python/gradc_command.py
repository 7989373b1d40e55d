# SPDX-License-Identifier: Apache-2.0
"""The gradc command of the wheel: replaces the process by the program beside the package. A module of its own, since
the command is not to wait for NumPy."""
import os
import sys


def main() -> None:
    """Runs the program with the arguments of this process, and does not return."""
    here = os.path.dirname(os.path.abspath(__file__))
    of_the_tree = os.path.join(here, os.pardir, "build", "gradc")
    program = next(filter(os.path.exists, [os.path.join(here, "gradc", "program"), of_the_tree]), of_the_tree)
    try:
        os.execv(program, ["gradc", *sys.argv[1:]])
    except OSError as e:
        sys.exit(f"gradc: cannot run {program}: {e.strerror}")
