# SPDX-License-Identifier: Apache-2.0
"""until.py ROUNDS PATTERN COMMAND...: milliseconds from the start of the command to its first line with PATTERN, median
and minimum of the rounds. Each round starts in an empty folder, which also holds the caches; $CACHE: another folder for
XDG_CACHE_HOME."""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

rounds, pattern, command = int(sys.argv[1]), sys.argv[2].encode(), sys.argv[3:]
took = []
for _ in range(rounds):
    here = tempfile.mkdtemp()
    env = dict(os.environ, XDG_CACHE_HOME=os.environ.get("CACHE", here), TORCHINDUCTOR_CACHE_DIR=here)
    begin = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=here, env=env) as p:
        for line in p.stdout:
            if pattern in line:
                took.append(1e3 * (time.perf_counter() - begin))
                break
        p.stdout.read()
    shutil.rmtree(here)
    if p.returncode:
        sys.exit(f"{command[0]}: status {p.returncode}")
print(f"{statistics.median(took):.1f} {min(took):.1f}")
