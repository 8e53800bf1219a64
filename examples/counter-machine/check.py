#!/usr/bin/env python3
"""Generates events, runs the counter machine on them, and compares every value with the oracle's.

On files (the default): definition.json. All rows of the upserts' table, and the features that 500 users, posts and pairs show over
HTTP, must be the oracle's; so must the document's own events give the document's own numbers. With --kafka: kafka.json, the same for
the upserts of a topic, read as an outsider reads them. Exit status 1 if anything differs.
"""

import argparse
import contextlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../../tests/support"), HERE]
import oracle  # noqa: E402
import stack  # noqa: E402

# The document's numbers: user, seconds after the newest event of all -> feature -> value.
DOCUMENT = {
    ("5", 1707605605): {"like_count_5s": 1.3678794411714423, "like_count_10s": 1.6065306597126334, "like_count_15s": 1.7165313105737892},
    ("1234", 1707605599): {"like_count_5s": 1, "like_count_10s": 1, "like_count_15s": 1, "view_count_5s": 0, "like_creators": 1},
    ("1234", 1707605604): {"like_count_5s": 0.36787944117144233, "like_count_10s": 0.6065306597126334, "like_count_15s": 0.7165313105737892},
    ("1238", 1707606667): {"view_count_5s": 1, "view_count_10s": 1, "view_count_15s": 1, "like_count_5s": 0, "likes_per_view_5s": 0},
}


class Mismatches:
    """Counts comparisons, shows the first few that failed."""

    def __init__(self):
        self.compared = self.failed = 0

    def compare(self, what, name, have, want, same=oracle.same):
        self.compared += 1
        if not same(name, have, want):
            self.failed += 1
            if self.failed <= 10:
                print(f"  {what} {name}: {have!r} instead of {want!r}", flush=True)


class Example:
    """The program with a definition and a directory for its files."""

    def __init__(self, program, definition, directory, **environment):
        self.program, self.definition, self.directory = program, os.path.join(HERE, definition), directory
        os.makedirs(directory, exist_ok=True)
        self.client = stack.Client(stack.free_port())
        self.environment = {"EVENTS": os.path.join(directory, "events.json"), "UPSERTS": os.path.join(directory, "upserts.json"),
                            "STORE": os.path.join(directory, "ledger.db"), "PORT": self.client.base.rpartition(":")[2], **environment}

    def start(self, *arguments):
        return stack.Keyfold(self.program, self.definition, *arguments, log=os.path.join(self.directory, "log"), **self.environment)

    def fold_all(self):
        with self.start("--exit-at-end") as process:
            status = process.wait(600)
            if status:
                raise RuntimeError(f"keyfold ended with status {status}:\n{process.tail()}")

    @contextlib.contextmanager
    def serving(self):
        with self.start() as process:
            process.wait_until(self.client.ready, 60, "answer to /ready")
            yield self.client
            if process.stop():
                raise RuntimeError(f"SIGTERM did not end it with status 0:\n{process.tail()}")

    def table(self, target):
        """What `keyfold tail` makes of upserts: (key fields) -> columns."""
        done = subprocess.run([self.program, "tail", "--json", target], stdout=subprocess.PIPE, check=True, text=True)
        rows = (json.loads(line) for line in done.stdout.splitlines())
        return {tuple(row["key"].values()): row["value"] for row in rows}


def check_table(mismatches, have, want):
    for key in want.keys() | have.keys():
        if key not in have or key not in want:
            mismatches.compare("row", key, key in have, key in want, lambda _, a, b: a == b)
            continue
        for name, value in want[key].items():
            mismatches.compare(key, name, have[key][name], value)


def check_lookups(mismatches, client, truth, seed):
    at = truth.newest + 1
    for view, (entity, *_rest) in oracle.VIEWS.items():
        keys = sorted(truth.kept[view])
        for key in random.Random(seed).sample(keys, min(500, len(keys))):
            have = client.entity(entity, key, as_of=at * 1000)
            for name, value in truth.features(view, key, at).items():
                mismatches.compare(f"{entity} {key}", name, have and have.get(name), value)


def generate(options, target):
    subprocess.run([options.keyfold, "generate", "counters", "--events", str(options.events), "--seed", str(options.seed),
                    "--users", "20000", "--output", target], check=True)


def on_document(options, directory):
    mismatches = Mismatches()
    example = Example(options.keyfold, "definition.json", os.path.join(directory, "document"), EVENTS=os.path.join(HERE, "document.json"))
    example.fold_all()
    with example.serving() as client:
        for (user, at), features in DOCUMENT.items():
            have = client.entity("user", user, as_of=at * 1000)
            for name, value in features.items():
                mismatches.compare(f"user {user}", name, have and have.get(name), value,
                                   lambda _, a, b: a is not None and abs(a - b) <= 1e-12)
    print(f"the document's events: {mismatches.compared} values compared, {mismatches.failed} differ", flush=True)
    return mismatches.failed


def on_files(options, directory):
    example = Example(options.keyfold, "definition.json", os.path.join(directory, "files"))
    generate(options, example.environment["EVENTS"])
    example.fold_all()
    truth = oracle.Oracle(oracle.events_of(example.environment["EVENTS"]))
    mismatches = Mismatches()
    check_table(mismatches, example.table(example.environment["UPSERTS"]), truth.table("activity"))
    print(f"table of the upserts: {mismatches.compared} values compared, {mismatches.failed} differ", flush=True)
    looked_up = Mismatches()
    with example.serving() as client:
        check_lookups(looked_up, client, truth, options.seed)
    print(f"lookups over HTTP: {looked_up.compared} values compared, {looked_up.failed} differ", flush=True)
    return mismatches.failed + looked_up.failed


def on_kafka(options, directory):
    with stack.Broker(directory) as broker:
        broker.topic("events", 4)
        broker.topic("counters", 4)
        example = Example(options.keyfold, "kafka.json", os.path.join(directory, "kafka-run"), BROKERS=broker.address)
        generate(options, f"kafka://{broker.address}/events")
        example.fold_all()
        events = [json.loads(value) for _, value, _ in broker.read("events")]
        mismatches = Mismatches()
        check_table(mismatches, example.table(f"kafka://{broker.address}/counters"), oracle.window_table(events))
    print(f"table of the topic: {mismatches.compared} values compared, {mismatches.failed} differ", flush=True)
    return mismatches.failed


def main():
    parser = argparse.ArgumentParser(prog="run", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keyfold", help="the program (`run` builds and passes it)")
    parser.add_argument("--kafka", action="store_true", help="between two topics of a broker that is started for it")
    parser.add_argument("--events", type=int, default=200_000, help="how many (200000)")
    parser.add_argument("--seed", type=int, default=1, help="of the events (1)")
    parser.add_argument("--keep", action="store_true", help="keep the directory with events, ledger and upserts, and name it")
    options = parser.parse_args()
    directory = tempfile.mkdtemp(prefix="counter-machine-")
    try:
        failed = on_kafka(options, directory) if options.kafka else on_document(options, directory) + on_files(options, directory)
    except (RuntimeError, subprocess.SubprocessError) as problem:
        sys.exit(f"run: {problem}")
    finally:
        if options.keep:
            print(f"files are in {directory}")
        else:
            shutil.rmtree(directory)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
