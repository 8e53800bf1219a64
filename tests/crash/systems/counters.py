"""The counter machine: every change of decayed counters to one topic, every closed window of 5 s to another. Both sequences are
determined by the events."""

import json
import os
import random
import subprocess

from systems.counters_expected import Expected, close, counted_as, events_of
from verdict import Verdict

OUTPUTS = ("each", "windows")


class Counters:
    definition = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../definition.json")

    def __init__(self, run):
        self.run = run
        self.environment = {"NAME": run.name}
        self.events = os.path.join(run.directory, "events.json")
        # Ten minutes of event time: a key's open windows stay within their bound also where one partition is read far ahead of another.
        self.generate = [run.options.keyfold, "generate", "counters", "--events", str(run.events), "--seed", str(run.options.seed),
                         "--users", str(max(100, run.events // 100)), "--out-of-order", "5s", "--span", "10m"]
        for topic in ("in", *OUTPUTS):
            run.broker.topic(f"{run.name}-{topic}", 4)

    def fill(self, rate):
        """The same events go to a file, for the oracle."""
        subprocess.run([*self.generate, "--output", self.events], check=True, stderr=subprocess.DEVNULL)
        target = f"kafka://{self.run.broker.address}/{self.run.name}-in"
        return subprocess.Popen([*self.generate, "--rate", str(rate), "--output", target], stderr=subprocess.DEVNULL)

    def verdict(self):
        expected = Expected(events_of(self.events))
        verdict = Verdict()
        for output, want in (("each", expected.each), ("windows", expected.windows)):
            have = {}
            for key, value, _ in self.run.broker.read(f"{self.run.name}-{output}"):
                key, value = json.loads(key), json.loads(value)
                row = tuple(value[f"count_{tau}s"] for tau in (5, 10, 15))
                have.setdefault((key["userId"], key["eventName"]), []).append(row)
            one = Verdict()
            one.compare_sequences(want, have, close, counted_as)
            print(f"{self.run.name}, output {output}: {one}", flush=True)
            verdict.add(one)
        with self.run.serving() as client:
            verdict.wrong += self.wrong_over_http(client, expected)
        return verdict

    def wrong_over_http(self, client, expected):
        """Of some keys, how many counters that keyfold serves differ from the events'."""
        wrong, looked_at = 0, 0
        at = max(counters.at for counters in expected.final.values()) + 1
        users = sorted({user for user, _ in expected.final})
        for user in random.Random(self.run.options.seed).sample(users, min(300, len(users))):
            features = client.entity("user", user, as_of=at * 1000)
            for event in ("view", "like", "comment", "share"):
                counters = expected.final.get((user, event))
                want = counters.decayed_to(at) if counters else (0, 0, 0)
                for tau, value in zip((5, 10, 15), want):
                    have = (features or {}).get(f"each:{event}_count_{tau}s") or 0
                    looked_at += 1
                    wrong += abs(have - value) > 1e-9 * max(1.0, abs(value))
        print(f"{self.run.name}: {looked_at} counters read over HTTP, {wrong} wrong", flush=True)
        return wrong
