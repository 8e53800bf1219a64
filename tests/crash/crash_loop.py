#!/usr/bin/env python3
"""Kills keyfold at random moments and at the worst ones, and looks for a lost, doubled or wrong row of its outputs.

Events are produced into topics of a real broker; keyfold folds them and publishes, exactly once, to other topics. What a
read_committed consumer sees there at the end is compared with what the events say, and so is what keyfold then serves over HTTP.
The system `local` reads a file and writes to SQLite and files, and needs no broker. Systems: see systems/. Scenarios:

  kills             `kill -9` at random moments while the events arrive
  ledger-commit     killed right after the ledger's commit, before anything of the epoch is published
  output-commit     killed right after the commit of an output, before the ledger knows
  broker-restart    the broker goes away midway and comes back
  database-restart  so does the database that is read and written, killed and in good order
  disk-full         the ledger's disk is full for a while (needs root, for a small tmpfs)

The last line is one JSON object; the exit status is 1 if anything was lost, doubled or wrong.
"""

import argparse
import contextlib
import importlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../support"), HERE]
import stack  # noqa: E402
from verdict import Verdict  # noqa: E402

ORDINARY = ("kills", "ledger-commit", "output-commit", "broker-restart", "disk-full")
SCENARIOS = (*ORDINARY, "database-restart")
SYSTEMS = {"counters": "Counters", "conversions": "Conversions", "checkout-attribution": "CheckoutAttribution",
           "purchases-sliding": "PurchasesSliding", "conversions-s2": "ConversionsS2",
           "checkout-attribution-postgres": "CheckoutAttributionPostgres", "local": "Local", "dynamodb": "Dynamodb"}

FAULT_SECONDS = 10  # that events arrive in the scenarios around commits


def system_of(options):
    return getattr(importlib.import_module("systems." + options.system.replace("-", "_")), SYSTEMS[options.system])


class Run:
    """One scenario: topics of its own, a ledger of its own."""

    def __init__(self, options, broker, directory, name, events):
        self.name, self.options, self.broker, self.events = name, options, broker, events
        self.directory = os.path.join(directory, name)
        self.store = os.path.join(self.directory, "store")
        os.makedirs(self.store)
        self.log = os.path.join(self.directory, "keyfold.log")
        self.client = stack.Client(stack.free_port())
        self.system = system_of(options)(self)

    def fill(self, rate=0):
        return self.system.fill(rate)

    def keyfold(self, *arguments, **environment):
        values = {"BROKERS": getattr(self.broker, "address", ""), "STORE": os.path.join(self.store, "ledger.db"),
                  "PORT": self.client.base.rpartition(":")[2], **self.system.environment}
        return stack.Keyfold(self.options.keyfold, self.system.definition, *arguments, log=self.log, **values, **environment)

    def records(self):
        """How many the running process has read so far; 0 if it does not answer."""
        _, text = self.client.get("/metrics", seconds=1)
        return sum(map(float, re.findall(r"^keyfold_source_records_total\S* (\S+)$", text, re.MULTILINE)))

    def finish(self, seconds=600):
        """Folds and publishes all that is left."""
        with self.keyfold("--exit-at-end") as process:
            status = process.wait(seconds)
            if status:
                raise RuntimeError(f"{self.name}: the last run ended with status {status}:\n{process.tail()}")

    @contextlib.contextmanager
    def serving(self):
        """A client of the process, which ends in good order."""
        with self.keyfold() as process:
            process.wait_until(self.client.ready, 120, "answer to /ready")
            yield self.client
            if process.stop() != 0:
                raise RuntimeError(f"{self.name}: SIGTERM did not end it with status 0:\n{process.tail()}")


def kills(run):
    options = run.options
    seconds_each = 2.0
    chance = random.Random(options.seed)
    producer = run.fill(rate=run.events / (options.kills * seconds_each))
    folding = 0
    for number in range(options.kills):
        with run.keyfold() as process:
            # From the very start of the process to well beyond it: what is being done at the moment is left to chance.
            time.sleep(chance.uniform(0.05, 2 * seconds_each - 0.05))
            if process.process.poll() is not None:
                raise RuntimeError(f"keyfold ended by itself with status {process.process.returncode}:\n{process.tail()}")
            records = run.records()
            process.kill()
        folding += records > 0
        print(f"kill {number + 1} of {options.kills}, after {records:.0f} records", flush=True)
    if producer.wait():
        raise RuntimeError("the events could not be produced")
    if folding <= options.kills // 4:
        raise RuntimeError(f"only {folding} of {options.kills} kills hit a process that had read anything: nothing is shown by that")


def fault(point):
    """Three kills at the same point, in an early and in later epochs, while the events arrive."""
    def scenario(run):
        producer = run.fill(rate=run.events / FAULT_SECONDS)
        for epoch in (1, 2, 4):
            with run.keyfold(KEYFOLD_FAULT=point, KEYFOLD_FAULT_EPOCH=str(epoch)) as process:
                status = process.wait(100)
                if status != -9:
                    raise RuntimeError(f"no kill {point} epoch {epoch}: status {status}\n{process.tail()}")
        print(f"killed three times {point}", flush=True)
        if producer.wait():
            raise RuntimeError("the events could not be produced")
    return scenario


def broker_restart(run):
    producer = run.fill(rate=20_000)
    with run.keyfold() as process:
        process.wait_until(run.client.ready, 120, "answer to /ready")
        time.sleep(2)
        run.broker.restart()
        if producer.wait():
            raise RuntimeError("the events could not be produced")
        process.wait_until(run.client.ready, 120, "recovery after the broker's restart")
        if process.stop() != 0:
            raise RuntimeError(f"SIGTERM did not end it with status 0:\n{process.tail()}")


def database_restart(run):
    producer = run.fill(rate=run.events / FAULT_SECONDS)
    with run.keyfold() as process:
        process.wait_until(run.client.ready, 120, "answer to /ready")
        for take_down in (run.system.database.kill, run.system.database.stop):
            time.sleep(2)
            take_down()
            process.wait_until(lambda: not run.client.ready(), 60, "reason in /ready while the database is away")
            print(f"database-restart: /ready says {run.client.get('/ready')[1]}", flush=True)
            run.system.database.start()
            process.wait_until(run.client.ready, 60, "recovery after the database's restart")
        if producer.wait():
            raise RuntimeError("the events could not be produced")
        if process.stop() != 0:
            raise RuntimeError(f"SIGTERM did not end it with status 0:\n{process.tail()}")


def disk_full(run):
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256m", "tmpfs", run.store], check=True)
    try:
        with run.keyfold() as process:
            process.wait_until(run.client.ready, 120, "answer to /ready")
            producer = run.fill(rate=min(50_000, run.events / FAULT_SECONDS))
            filler = os.path.join(run.store, "filler")
            try:
                with open(filler, "wb", buffering=0) as f:
                    while True:
                        f.write(bytes(1 << 16))
            except OSError:
                pass
            process.wait_until(lambda: "space" in run.client.get("/ready")[1], 60, "reason in /ready that names the full disk")
            print(f"disk-full: /ready says {run.client.get('/ready')[1]}", flush=True)
            os.remove(filler)
            process.wait_until(run.client.ready, 60, "recovery once there is space")
            producer.wait()
            if process.stop() != 0:
                raise RuntimeError(f"SIGTERM did not end it with status 0:\n{process.tail()}")
        run.finish()
        return run.system.verdict()
    finally:
        subprocess.run(["umount", "-l", run.store], check=False)


STEPS = {"kills": kills, "ledger-commit": fault("after-ledger-commit"), "output-commit": fault("after-output-commit"),
         "broker-restart": broker_restart, "database-restart": database_restart, "disk-full": disk_full}


def can_mount(directory):
    if os.geteuid() != 0:
        return False
    probe = tempfile.mkdtemp(dir=directory)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", probe], capture_output=True).returncode:
        return False
    subprocess.run(["umount", probe], check=True)
    return True


def run_all(options, directory):
    total, skipped = Verdict(), []
    system = system_of(options)
    with getattr(system, "server", stack.Broker)(directory) as broker:
        for name in options.scenario or getattr(system, "scenarios", ORDINARY):
            if name == "disk-full" and not can_mount(directory):
                print("skipped: disk-full needs root, to mount a small tmpfs", flush=True)
                skipped.append(name)
                continue
            events = options.events if name == "kills" else min(options.events, 200_000)
            run = Run(options, broker, directory, name, events)
            try:
                verdict = STEPS[name](run)
                if verdict is None:
                    run.finish()
                    verdict = run.system.verdict()
                total.add(verdict)
            finally:
                getattr(run.system, "close", lambda: None)()
    return total, skipped


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keyfold", help="the program (scripts/crash builds and passes it)")
    parser.add_argument("--system", choices=SYSTEMS, default="counters", help="what is run (counters)")
    parser.add_argument("--kills", type=int, default=25, help="in the scenario `kills` (25)")
    parser.add_argument("--seed", type=int, default=1, help="of the events and of the moments (1)")
    parser.add_argument("--events", type=int, default=2_000_000, help="in the scenario `kills`; at most 200000 in others (2000000)")
    parser.add_argument("--scenario", action="append", choices=SCENARIOS, help="only this one; may be repeated")
    parser.add_argument("--keep", action="store_true", help="keep the directory with logs, ledgers and events")
    options = parser.parse_args()
    directory = tempfile.mkdtemp(prefix="keyfold-crash-")
    good = False
    try:
        total, skipped = run_all(options, directory)
        good = not (total.lost or total.doubled or total.wrong)
        kills_done = options.kills if "kills" in (options.scenario or SCENARIOS) else 0
        print(json.dumps({"system": options.system, "kills": kills_done, "lost": total.lost, "doubled": total.doubled,
                          "wrong": total.wrong, "upserts": total.seen, "seed": options.seed, "skipped": skipped}))
    except (RuntimeError, subprocess.SubprocessError) as problem:
        print(f"crash: {problem}", file=sys.stderr)
    if options.keep or not good:
        print(f"crash: logs, ledgers and events are in {directory}", file=sys.stderr)
    else:
        shutil.rmtree(directory)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
