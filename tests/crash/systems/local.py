"""Tables of a SQLite file, files in parts and a webhook, from a file of events: no server is needed but the webhook's, which is here. Each user's running totals and all of its steps
are determined by the events."""

import contextlib
import csv
import glob
import json
import os
import random
import sqlite3
import subprocess
import threading
import time

from verdict import Verdict
import webhook

REFUSED = 200  # the table picky takes no number that this divides
STEP = 0.02  # seconds between two portions of events
USERS = 200


class Appender(threading.Thread):
    """Appends lines to a file, `rate` a second (0: as fast as it goes); a portion may end in the middle of a line."""

    def __init__(self, path, lines, rate):
        super().__init__(daemon=True)
        self.path, self.text, self.seconds = path, "".join(lines).encode(), len(lines) / rate if rate else 0
        self.start()

    def run(self):
        portions = max(1, int(self.seconds / STEP))
        size = -(-len(self.text) // portions)
        begun = time.monotonic()
        with open(self.path, "ab", buffering=0) as f:
            for number in range(portions):
                f.write(self.text[number * size:(number + 1) * size])
                time.sleep(max(0.0, begun + (number + 1) * self.seconds / portions - time.monotonic()))

    def wait(self):
        self.join()
        return 0


class Local:
    server = staticmethod(lambda _: contextlib.nullcontext())
    scenarios = ("kills", "ledger-commit", "output-commit", "disk-full")
    definition = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../local.json")

    def __init__(self, run):
        self.run = run
        # What is written is on the ledger's disk, which is full for a while in one scenario.
        self.paths = {"EVENTS": os.path.join(run.directory, "events.json"), **{name: os.path.join(run.store, file) for name, file in (
            ("TABLES", "tables.db"), ("CHANGES", "changes.jsonl"), ("LINES", "lines.csv"))},
            **{name: os.path.join(run.directory, file) for name, file in (("PICKY", "picky.db"), ("LETTERS", "letters.jsonl"))}}
        with contextlib.closing(sqlite3.connect(self.paths["PICKY"])) as database:
            database.execute(f"CREATE TABLE steps (user TEXT, number INTEGER CHECK (number % {REFUSED} <> 0), events INTEGER, total INTEGER)")
        chance = random.Random(run.options.seed)
        self.receiver = webhook.Receiver()
        # Now and then rows are taken, and nobody is told; or they are not taken.
        self.receiver.rule = lambda *_: chance.choices((None, "reset", 503), (96, 2, 2))[0]
        self.environment = {"NAME": run.name, "HOOK": self.receiver.url, **self.paths}
        self.events = [(f"u{chance.randrange(USERS)}", chance.randrange(1000), 1_700_000_000_000 + 10 * i) for i in range(run.events)]
        open(self.paths["EVENTS"], "w").close()

    def fill(self, rate):
        lines = [json.dumps({"user": user, "number": number, "at": at}) + "\n" for user, number, at in self.events]
        return Appender(self.paths["EVENTS"], lines, rate)

    def verdict(self):
        steps, totals, changes = [], {}, {}
        for user, number, _ in self.events:
            count, total = totals.get(user, (0, 0))
            totals[user] = count + 1, total + number
            changes.setdefault(user, []).append(totals[user])
            steps.append((user, number, *totals[user]))
        verdict = Verdict()
        for what, judge in (("table of totals", lambda x: x.compare_rows([(user, *row) for user, row in totals.items()], self.table("totals"))),
                            ("table of steps", lambda x: x.compare_rows(steps, self.table("steps"))),
                            ("what `keyfold tail` makes of them", lambda x: x.compare_rows([(user, *row) for user, row in totals.items()], self.tail())),
                            ("table that refuses rows, and dead letters", self.judge_refused(steps)),
                            ("what the webhook's receiver took", self.judge_webhook(changes)),
                            ("parts of changes", lambda x: x.compare_sequences(changes, self.changes())),
                            ("parts of steps", lambda x: x.compare_rows(steps, list(self.lines())))):
            one = Verdict()
            judge(one)
            print(f"{self.run.name}, {what}: {one}", flush=True)
            verdict.add(one)
        return verdict

    def judge_refused(self, steps):
        """Each row is in the table once, or among the dead letters: these may come twice, where a kill was between them and the commit."""
        def judge(verdict):
            verdict.compare_rows([x for x in steps if x[1] % REFUSED], self.table("steps", "PICKY"))
            refused, letters = {x for x in steps if x[1] % REFUSED == 0}, []
            with open(self.paths["LETTERS"]) as f:
                for line in f:
                    row = json.loads(json.loads(line)["value"]["payload"])
                    letters.append((row["user"], row["number"], row["events"], row["total"]))
            verdict.lost += len(refused - set(letters))
            verdict.wrong += len(set(letters) - refused)
            print(f"{self.run.name}: {len(refused)} rows refused, {len(letters)} dead letters", flush=True)
        return judge

    def judge_webhook(self, changes):
        def judge(verdict):
            have = {}
            for row in self.receiver.rows():
                have.setdefault(row["key"]["user"], []).append((row["value"]["events"], row["value"]["total"]))
            verdict.compare_sequences(changes, have)
            verdict.wrong += len(self.receiver.conflicts)
            print(f"{self.run.name}: {len(self.receiver.requests)} requests, {self.receiver.repeated} repeated with a key that was taken", flush=True)
        return judge

    def close(self):
        self.receiver.__exit__()

    def table(self, name, of="TABLES"):
        connection = sqlite3.connect(self.paths[of])
        try:
            return list(connection.execute(f"SELECT * FROM {name}"))
        finally:
            connection.close()

    def tail(self):
        done = subprocess.run([self.run.options.keyfold, "tail", "--json", self.paths["CHANGES"]], stdout=subprocess.PIPE, check=True, text=True)
        rows = map(json.loads, done.stdout.splitlines())
        return [(row["key"]["user"], row["value"]["events"], row["value"]["total"]) for row in rows]

    def parts(self, name):
        stem, ending = os.path.splitext(self.paths[name])
        parts = sorted(glob.glob(f"{stem}-*{ending}"))
        print(f"{self.run.name}: {len(parts)} parts of {os.path.basename(stem)}", flush=True)
        for path in parts:
            with open(path, newline="") as f:
                yield f

    def changes(self):
        have = {}
        for part in self.parts("CHANGES"):
            for line in part:
                row = json.loads(line)
                have.setdefault(row["key"]["user"], []).append((row["value"]["events"], row["value"]["total"]))
        return have

    def lines(self):
        for part in self.parts("LINES"):
            for row in csv.DictReader(part):
                yield row["user"], int(row["number"]), int(row["events"]), int(row["total"])
