#!/usr/bin/env python3
"""Kills keyfold at random moments and at the worst ones, and looks for a lost, doubled or wrong upsert.

Events are generated into a topic of a real broker; keyfold folds them into decayed counters and publishes, exactly once, every
change to one topic and every closed window of 5 s to another. Both sequences are determined by the events alone, so a
read_committed consumer's view at the end is compared with one computed from them, and so are the values that keyfold then
serves over HTTP. Scenarios:

  kills             `kill -9` at random moments while the events arrive
  ledger-commit     killed right after the ledger's commit, before anything of the epoch is published
  output-commit     killed right after Kafka's commit, before the ledger knows
  broker-restart    the broker goes away midway and comes back
  disk-full         the ledger's disk is full for a while (needs root, for a small tmpfs)

The last line is one JSON object; the exit status is 1 if anything was lost, doubled or wrong.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../support"), HERE]
import stack  # noqa: E402
from expected import Expected, Verdict, events_of  # noqa: E402

SCENARIOS = ("kills", "ledger-commit", "output-commit", "broker-restart", "disk-full")
OUTPUTS = ("each", "windows")


class Run:
    """One scenario: topics of its own, a ledger of its own."""

    def __init__(self, options, broker, directory, name, events):
        self.name, self.options, self.broker = name, options, broker
        self.directory = os.path.join(directory, name)
        self.store = os.path.join(self.directory, "store")
        os.makedirs(self.store)
        self.events = os.path.join(self.directory, "events.json")
        self.log = os.path.join(self.directory, "keyfold.log")
        self.client = stack.Client(stack.free_port())
        # Ten minutes of event time: a key's open windows stay within their bound also where one partition is read far ahead of another.
        self.generate = [options.keyfold, "generate", "counters", "--events", str(events), "--seed", str(options.seed),
                         "--users", str(max(100, events // 100)), "--out-of-order", "5s", "--span", "10m"]
        for topic in ("in", *OUTPUTS):
            broker.topic(f"{name}-{topic}", 4)

    def fill(self, rate=0):
        """Starts generating into the topic; the same events go to a file, for the oracle."""
        subprocess.run([*self.generate, "--output", self.events], check=True, stderr=subprocess.DEVNULL)
        target = f"kafka://{self.broker.address}/{self.name}-in"
        return subprocess.Popen([*self.generate, "--rate", str(rate), "--output", target], stderr=subprocess.DEVNULL)

    def keyfold(self, *arguments, **environment):
        values = {"BROKERS": self.broker.address, "NAME": self.name, "STORE": self.store,
                  "PORT": self.client.base.rpartition(":")[2]}
        return stack.Keyfold(self.options.keyfold, os.path.join(HERE, "definition.json"), *arguments, log=self.log,
                             **values, **environment)

    def finish(self, seconds=600):
        """Folds and publishes all that is left."""
        with self.keyfold("--exit-at-end") as process:
            status = process.wait(seconds)
            if status:
                raise RuntimeError(f"{self.name}: the last run ended with status {status}:\n{process.tail()}")

    def verdict(self):
        expected = Expected(events_of(self.events))
        verdict = Verdict()
        for output, want in (("each", expected.each), ("windows", expected.windows)):
            have = {}
            for key, value, _ in self.broker.read(f"{self.name}-{output}"):
                key, value = json.loads(key), json.loads(value)
                row = tuple(value[f"count_{tau}s"] for tau in (5, 10, 15))
                have.setdefault((key["userId"], key["eventName"]), []).append(row)
            one = Verdict()
            one.compare_all(want, have)
            print(f"{self.name}, output {output}: {one}", flush=True)
            verdict.add(one)
        verdict.wrong += self.wrong_over_http(expected)
        return verdict

    def wrong_over_http(self, expected):
        """Of some keys, how many counters that keyfold serves differ from the events'."""
        wrong, looked_at = 0, 0
        at = max(counters.at for counters in expected.final.values()) + 1
        users = sorted({user for user, _ in expected.final})
        with self.keyfold() as process:
            process.wait_until(self.client.ready, 120, "answer to /ready")
            for user in random.Random(self.options.seed).sample(users, min(300, len(users))):
                features = self.client.entity("user", user, as_of=at * 1000)
                for (who, event), counters in ((k, expected.final.get(k)) for k in
                                               ((user, e) for e in ("view", "like", "comment", "share"))):
                    want = counters.decayed_to(at) if counters else (0, 0, 0)
                    for tau, value in zip((5, 10, 15), want):
                        have = (features or {}).get(f"each:{event}_count_{tau}s") or 0
                        looked_at += 1
                        wrong += abs(have - value) > 1e-9 * max(1.0, abs(value))
            if process.stop() != 0:
                raise RuntimeError(f"{self.name}: SIGTERM did not end it with status 0:\n{process.tail()}")
        print(f"{self.name}: {looked_at} counters read over HTTP, {wrong} wrong", flush=True)
        return wrong


def kills(run):
    options = run.options
    seconds_each = 2.0
    chance = random.Random(options.seed)
    producer = run.fill(rate=run.options.events / (options.kills * seconds_each))
    for number in range(options.kills):
        with run.keyfold() as process:
            # From the very start of the process to well beyond it: what is being done at the moment is left to chance.
            time.sleep(chance.uniform(0.05, 2 * seconds_each - 0.05))
            if process.process.poll() is not None:
                raise RuntimeError(f"keyfold ended by itself with status {process.process.returncode}:\n{process.tail()}")
            process.kill()
        print(f"kill {number + 1} of {options.kills}", flush=True)
    if producer.wait():
        raise RuntimeError("the events could not be generated into the topic")


def fault(point):
    """Three kills at the same point, in an early and in later epochs."""
    def scenario(run):
        producer = run.fill()
        producer.wait()
        for epoch in (1, 2, 4):
            with run.keyfold("--exit-at-end", KEYFOLD_FAULT=point, KEYFOLD_FAULT_EPOCH=str(epoch)) as process:
                status = process.wait(300)
                if status != -9:
                    raise RuntimeError(f"no kill {point} epoch {epoch}: status {status}\n{process.tail()}")
        print(f"killed three times {point}", flush=True)
    return scenario


def broker_restart(run):
    producer = run.fill(rate=20_000)
    with run.keyfold() as process:
        process.wait_until(run.client.ready, 120, "answer to /ready")
        time.sleep(2)
        run.broker.restart()
        if producer.wait():
            raise RuntimeError("the events could not be generated into the topic")
        process.wait_until(run.client.ready, 120, "recovery after the broker's restart")
        if process.stop() != 0:
            raise RuntimeError(f"SIGTERM did not end it with status 0:\n{process.tail()}")


def disk_full(run):
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256m", "tmpfs", run.store], check=True)
    try:
        producer = run.fill(rate=50_000)
        with run.keyfold() as process:
            process.wait_until(run.client.ready, 120, "answer to /ready")
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
        return run.verdict()
    finally:
        subprocess.run(["umount", "-l", run.store], check=False)


STEPS = {"kills": kills, "ledger-commit": fault("after-ledger-commit"), "output-commit": fault("after-output-commit"),
         "broker-restart": broker_restart, "disk-full": disk_full}


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
    with stack.Broker(directory) as broker:
        for name in options.scenario or SCENARIOS:
            if name == "disk-full" and not can_mount(directory):
                print("skipped: disk-full needs root, to mount a small tmpfs", flush=True)
                skipped.append(name)
                continue
            events = options.events if name == "kills" else min(options.events, 200_000)
            run = Run(options, broker, directory, name, events)
            verdict = STEPS[name](run)
            if verdict is None:
                run.finish()
                verdict = run.verdict()
            total.add(verdict)
    return total, skipped


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keyfold", help="the program (scripts/crash builds and passes it)")
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
        print(json.dumps({"kills": options.kills if "kills" in (options.scenario or SCENARIOS) else 0, "lost": total.lost,
                          "doubled": total.doubled, "wrong": total.wrong, "upserts": total.seen, "seed": options.seed,
                          "skipped": skipped}))
    except (RuntimeError, subprocess.SubprocessError) as problem:
        print(f"crash: {problem}", file=sys.stderr)
    if options.keep or not good:
        print(f"crash: logs, ledgers and events are in {directory}", file=sys.stderr)
    else:
        shutil.rmtree(directory)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
