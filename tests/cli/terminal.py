# SPDX-License-Identifier: Apache-2.0
"""terminal.py GRADC PROGRAM [full]: a training on terminals of many widths, and the choice of colours. PROGRAM trains a model
with a hold-out and a metric for some seconds."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

gradc, program = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
full = "full" in sys.argv[3:]
passed = failed = 0
PLAIN = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "CLICOLOR_FORCE", "COLUMNS", "LC_ALL", "LANG")}


def check(name, ok, got=""):
    global passed, failed
    passed, failed = passed + bool(ok), failed + (not ok)
    if not ok:
        print("FAIL  %s: %s" % (name, str(got)[:300]))


def size(fd, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))


def show(args, columns=80, env=None, seconds=1.0 if full else 0.3, resize=None, lines=0):
    """What a command writes on a terminal of so many columns; it is interrupted after a while, and after so many lines
    that are drawn over one another, also after the size has changed: a busy machine draws late."""
    ours, theirs = pty.openpty()
    size(ours, columns)
    p = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=theirs,
                         cwd=os.path.dirname(program), env={**PLAIN, "TERM": "xterm", **(env or {})})
    os.close(theirs)
    out, begin, ended = b"", 0, False
    while True:
        if select.select([ours], [], [], 0.05)[0]:
            try:
                data = os.read(ours, 1 << 16)
            except OSError:  # the other end is closed
                break
            if not data:
                break
            out += data
            begin = begin or time.time()  # a busy machine starts it late
        now = time.time() - begin if begin else 0
        drawn = out.rpartition(b"<resized>")[2].count(b"\033[K") >= lines or now > 20
        if resize and drawn and now > seconds / 2:
            size(ours, resize)
            out += b"<resized>"
            resize = None
        elif drawn and now > seconds and not ended:
            p.send_signal(signal.SIGINT)
            ended = True
    p.wait(20)
    os.close(ours)
    return out.decode()


def live_lines(text):
    return [x.split("\033[K")[0] for x in re.split(r"[\r\n]+", text) if x.split("\033[K")[0] and "\033[K" in x]


train = [program, "train", "--force", "--run-dir", "r"]
ORDER = [r"loss [\d.e+-]+", r"validation loss", r"steps?/s|s/step", r"left", r"[KM]iB", r"\["]
for columns in [12, 30, 45, 70, 110, 160, 400] if full else [12, 45, 70, 240]:
    lines = live_lines(show(train, columns, lines=4))
    longest = max(map(len, lines), default=0)
    check("lines of %d columns" % columns, len(lines) > 2 and longest < columns, (len(lines), longest))
    shown = [bool(re.search(x, lines[-1])) for x in ORDER] if lines else [False]
    check("what %d columns keep" % columns, shown == sorted(shown, reverse=True) and shown[0], lines[-1:])
    check("the bar", "[" in lines[-1] if columns >= 240 else True, lines[-1:])
    for x in lines:
        if re.search(r"\d{4,} steps/s", x):
            check("numbers in groups", False, x)
            break
both = show(train, 150, resize=50, lines=4).split("<resized>")
check("the size changes", len(both) == 2 and max(map(len, live_lines(both[0])), default=0) > 60 and
      max(map(len, live_lines(both[1])[1:]), default=99) < 50, both[-1][-200:])
plain = show(train, env={"TERM": "dumb"})
check("TERM=dumb", "\033" not in plain and "step 1/" in plain, plain[:200])
check("LC_ALL=C", all(ord(c) < 128 for c in show(train, env={"LC_ALL": "C"})))

wrong = os.path.join(os.path.dirname(program), "wrong.nn")
with open(wrong, "w") as f:
    f.write("export def f(x: f32[2]) { y }\n")
for command in [[gradc, "check"], [program, "train", "--what"]]:
    operand = [wrong] if command[0] == gradc else []
    name = " ".join(command[1:])
    check("colour on a terminal, " + name, "\033[" in show(command + operand))
    for env in [{"NO_COLOR": "1"}, {"TERM": "dumb"}]:
        check("no colour, " + name, "\033[" not in show(command + operand, env=env), env)
    for when, env, wanted in [("always", {"NO_COLOR": "1"}, True), ("never", {"CLICOLOR_FORCE": "1"}, False),
                              ("auto", {}, False), ("auto", {"CLICOLOR_FORCE": "1"}, True)]:
        with_option = command[:2] + ["--color=" + when] + command[2:] + operand
        r = subprocess.run(with_option, capture_output=True, env={**PLAIN, "TERM": "xterm", **env}, text=True)
        check("--color=%s %s in a pipe, %s" % (when, env, name), ("\033[" in r.stderr) == wanted, r.stderr)
    r = subprocess.run(command[:2] + ["--color=red"] + command[2:] + operand, capture_output=True, text=True)
    check("another word, " + name, "auto" in r.stderr and r.returncode == 2, r.stderr)
print("%d passed, %d failed" % (passed, failed))
