"""until.py ROUNDS PATTERN COMMAND...: milliseconds from the start of the command to its first line with PATTERN, least and median
of the rounds. Each starts in an empty folder, which is also where caches lie; $CACHE: those of XDG_CACHE_HOME there."""
import os, shutil, statistics, subprocess, sys, tempfile, time

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
