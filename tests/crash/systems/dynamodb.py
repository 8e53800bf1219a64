"""examples/counter-machine from Kafka into a DynamoDB table. Items are put again after a crash; at the end each must be there, equal to what
the events say."""

import atexit
import os
import subprocess

from dynamodb import DynamoDB, plain
from systems import examples
from verdict import Verdict

folder = examples.use("counter-machine")
import oracle  # noqa: E402


class Dynamodb:
    def __init__(self, run):
        self.run = run
        self.server = DynamoDB(run.directory)
        atexit.register(self.server.stop)
        self.environment = {"TOPIC_IN": run.name + "-in", "TABLE": "Counters-" + run.name, "DYNAMODB": self.server.url,
                            "AWS_ACCESS_KEY_ID": "crash", "AWS_SECRET_ACCESS_KEY": "loop"}
        self.events = os.path.join(run.directory, "events.json")
        self.generate = [run.options.keyfold, "generate", "counters", "--events", str(run.events), "--seed", str(run.options.seed),
                         "--users", str(max(100, run.events // 20)), "--out-of-order", "5s", "--span", "10m"]
        self.definition = examples.definition_of(os.path.join(folder, "dynamodb.json"), run)
        run.broker.topic(run.name + "-in", 4)

    def fill(self, rate):
        """The same events go to a file, for the oracle."""
        subprocess.run([*self.generate, "--output", self.events], check=True, stderr=subprocess.DEVNULL)
        target = f"kafka://{self.run.broker.address}/{self.run.name}-in"
        return subprocess.Popen([*self.generate, "--rate", str(rate), "--output", target], stderr=subprocess.DEVNULL)

    def verdict(self):
        verdict = Verdict()
        want = oracle.window_table(oracle.events_of(self.events))
        for item in self.server.items(self.environment["TABLE"]):
            verdict.seen += 1
            row = {name: plain(value) for name, value in item.items()}
            expected = want.pop((row["key"], row["featureName"]), None)
            verdict.wrong += expected is None or not all(
                oracle.same(f"count_{i}s", row["counts"][i]["value"], expected[f"count_{i}s"]) for i in ("5", "10", "15"))
        verdict.lost = len(want)
        self.server.stop()
        print(f"{self.run.name}, items: {verdict}", flush=True)
        return verdict
