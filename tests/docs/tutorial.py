# SPDX-License-Identifier: Apache-2.0
"""tutorial.py GRADC ROOT PAGE...: follows pages of docs/tutorial/ as a reader would.

A page is followed in an empty folder beside `gradc/`, the source tree. `<!-- file: NAME -->` before a block of code
writes it to NAME; with `<!-- in: NAME -->` it must be in NAME as it stands. The blocks `console` are run: after each
`$ COMMAND` (a line that ends in `\\` goes on) stands what it prints on both streams. `…` is any text of a line, a line
`…` any lines. A command must end with status 0, unless `<!-- fails -->` is before the block: then with another.
"""
import os
import re
import subprocess
import sys
import tempfile


def blocks(page):
    """Yields (line number, comment before it, language, text)."""
    comment, begin, inside = "", 0, []
    language = None
    with open(page, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            if language is None and line.startswith("```"):
                language, begin, inside = line[3:].strip(), number, []
            elif language is not None and line.startswith("```"):
                yield begin, comment, language, "".join(inside)
                language, comment = None, ""
            elif language is not None:
                inside.append(line)
            elif line.startswith("<!--"):
                comment = line.strip()[4:-3].strip()
            elif line.strip():
                comment = ""


def commands(text):
    """Yields (command, expected output)."""
    command, expected, more = None, [], False
    for line in text.splitlines(keepends=True):
        if more:
            command, more = command + line, line.endswith("\\\n")
        elif line.startswith("$ "):
            if command is not None:
                yield command, "".join(expected)
            command, expected, more = line[2:], [], line.endswith("\\\n")
        elif command is None:
            raise ValueError("output before a command")
        else:
            expected.append(line)
    if command is not None:
        yield command, "".join(expected)


def pattern(expected):
    """The expected output as a regular expression."""
    lines = []
    for line in expected.splitlines():
        if line.strip() == "…":
            lines.append(r"(?:[^\n]*\n)*?")
        else:
            lines.append(r"[^\n]*?".join(re.escape(piece) for piece in line.rstrip().split("…")) + r" *\n")
    return re.compile("".join(lines))


def follow(page, folder, environment):
    """Returns (steps that are as the page says, messages about others)."""
    passed, failures = 0, []

    def note(number, message):
        failures.append(f"{page}:{number}: {message}")

    for number, comment, language, text in blocks(page):
        kind, _, name = comment.partition(": ")
        path = os.path.join(folder, name)
        if kind == "file":
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
            passed += 1
        elif kind == "in":
            with open(path, encoding="utf-8") as f:
                if text in f.read():
                    passed += 1
                else:
                    note(number, f"{name} does not have these lines")
        elif language == "console":
            for command, expected in commands(text):
                run = subprocess.run(["sh", "-c", command], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300, check=False)
                output = run.stdout.decode("utf-8", "replace")
                output += "" if not output or output.endswith("\n") else "\n"
                if (run.returncode != 0) != (comment == "fails"):
                    note(number, f"{command.strip()}: status {run.returncode}\n{output[-2000:]}")
                elif not pattern(expected).fullmatch(output):
                    note(number, f"{command.strip()} prints\n{output[-4000:]}")
                else:
                    passed += 1
    return passed, failures


def main():
    gradc, root, pages = sys.argv[1], sys.argv[2], sys.argv[3:]
    total = bad = 0
    for page in pages:
        with tempfile.TemporaryDirectory() as above:
            os.symlink(os.path.abspath(root), os.path.join(above, "gradc"))
            folder = os.path.join(above, "work")
            os.mkdir(folder)
            environment = dict(os.environ, PATH=os.path.dirname(os.path.abspath(gradc)) + ":" + os.environ["PATH"],
                               LC_ALL="C.UTF-8", COLUMNS="100")
            passed, failures = follow(page, folder, environment)
        total += passed
        bad += len(failures)
        for failure in failures:
            print("FAIL ", failure)
    print(f"{total} passed, {bad} failed")
    return bad > 0


sys.exit(main())
