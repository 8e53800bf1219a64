#!/usr/bin/env python3
"""Runs the program as a shell user would: help, mistakes, exit statuses.

usage: command_line_test.py KEYFOLD     last line: `N passed, N failed`
"""

import subprocess
import sys
import tempfile

COMMANDS = ("run", "check", "explain", "schema", "generate", "get", "tail", "state")
counts = [0, 0]


def keyfold(*arguments):
    return subprocess.run([sys.argv[1], *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)


def check(what, good, done):
    counts[not good] += 1
    if not good:
        print(f"FAILED: {what}: status {done.returncode}\n{done.stdout}{done.stderr}")


def main():
    top = keyfold("--help")
    for command in COMMANDS:
        check(f"--help lists {command}", f"\n  {command} " in top.stdout, top)
        done = keyfold(command, "--help")
        check(f"{command} --help says how", done.returncode == 0 and "Usage:" in done.stdout, done)
    done = keyfold("--version")
    check("--version prints one", done.returncode == 0 and done.stdout.strip(), done)
    for mistake in (("fold",), ("run",), ("generate", "counters", "--evnts", "5"), ("generate", "counters", "--users", "0"),
                    ("generate", "counters", "--span", "1y"), ("check", "/nonexistent.json"), ("run", "/nonexistent.json")):
        done = keyfold(*mistake)
        check(f"{' '.join(mistake)} is refused with a sentence", done.returncode != 0 and done.stderr.strip(), done)
    with tempfile.NamedTemporaryFile(suffix=".json") as events:
        options = ("generate", "counters", "--events", "100", "--seed", "3")
        done = keyfold(*options, "--output", events.name)
        check("generate writes a file", done.returncode == 0, done)
        with open(events.name) as f:
            written = f.read()
        done = keyfold(*options)
        check("generate writes the same to standard output", done.stdout == written and written.count("\n") == 100, done)
    done = keyfold("generate", "counters", "--output", "/dev/full")
    check("generate says that the disk is full", done.returncode == 1 and "No space left" in done.stderr, done)
    print(f"{counts[0]} passed, {counts[1]} failed")
    sys.exit(1 if counts[1] else 0)


main()
