#!/usr/bin/env python3
"""A process that has nothing to do leaves the processor alone.

usage: idle_test.py KEYFOLD     last line: `N passed, N failed`
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

MOST_OF_A_CORE = 0.05
WATCHED_SECONDS = 4
DEFINITION = {
    "application": "idle",
    "streams": [{"name": "events", "source": {"type": "http_push"}, "fields": {"user": "string", "at": {"type": "timestamp", "unit": "s"}},
                 "event_time": "at"}],
    "entities": [{"name": "user", "key": ["user"]}],
    "views": [{"name": "activity", "type": "decayed_counters", "entity": "user", "stream": "events", "time_constants": ["5s"]}],
    "serving": {"port": 0},
}


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def ready(log):
    """Whether the process says that it serves, by its own port."""
    with open(log) as f:
        for line in f:
            if "http://" in line:
                address = "http://" + line.split("http://")[1].split()[0].rstrip("/.,;")
                try:
                    with urllib.request.urlopen(address + "/ready", timeout=2) as answer:
                        return answer.status == 200
                except (urllib.error.URLError, OSError):
                    return False
    return False


def main():
    with tempfile.TemporaryDirectory() as directory:
        path, log = os.path.join(directory, "idle.json"), os.path.join(directory, "log")
        with open(path, "w") as f:
            json.dump({**DEFINITION, "ledger": {"path": os.path.join(directory, "ledger.db")}}, f)
        with open(log, "w") as out:
            process = subprocess.Popen([sys.argv[1], "run", path], stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        try:
            deadline = time.monotonic() + 30
            while not ready(log) and process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.1)
            started = ready(log)
            before = cpu_seconds(process.pid)
            time.sleep(WATCHED_SECONDS)
            share = (cpu_seconds(process.pid) - before) / WATCHED_SECONDS
        finally:
            process.terminate()
            process.wait(timeout=30)
        with open(log) as f:
            said = f.read()
    passed = started and share <= MOST_OF_A_CORE
    if not passed:
        print(f"FAILED: an idle process took {share:.1%} of a core, more than {MOST_OF_A_CORE:.0%}" if started else f"FAILED: it did not start\n{said}")
    print(f"{int(passed)} passed, {int(not passed)} failed")
    sys.exit(not passed)


main()
