#!/usr/bin/env python3
"""Has promtool check the metrics of a running counter machine.

usage: check_metrics.py KEYFOLD     exit status 0 if promtool finds nothing to say
"""

import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
import stack  # noqa: E402

with tempfile.TemporaryDirectory() as directory:
    events = os.path.join(directory, "events.json")
    subprocess.run([sys.argv[1], "generate", "counters", "--events", "1000", "--output", events], check=True)
    client = stack.Client(stack.free_port())
    with stack.Keyfold(sys.argv[1], os.path.join(stack.TREE, "examples/counter-machine/definition.json"),
                       log=os.path.join(directory, "log"), EVENTS=events, UPSERTS=os.path.join(directory, "upserts.json"), STORE=os.path.join(directory, "ledger.db"),
                       PORT=client.base.rpartition(":")[2]) as keyfold:
        keyfold.wait_until(client.ready, 60, "answer to /ready")
        client.entity("user", "1")  # so that requests have been counted
        status, metrics = client.get("/metrics")
        if status != 200:
            sys.exit(f"/metrics: {status} {metrics}")
    done = subprocess.run(["promtool", "check", "metrics"], input=metrics, text=True)
    families = sum(line.startswith("# TYPE keyfold_") for line in metrics.splitlines())
    print(f"{families} families of metrics, promtool's status {done.returncode}")
    sys.exit(done.returncode or families == 0)
