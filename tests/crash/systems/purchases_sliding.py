"""examples/purchases-sliding: purchases joined with the price of their moment, summed per user in sliding windows. All rows, to the end of
the events, are determined by the events."""

import os

from systems import examples
from verdict import Verdict

folder = examples.use("purchases-sliding")
import generate  # noqa: E402
import oracle  # noqa: E402


class PurchasesSliding:
    def __init__(self, run):
        self.run = run
        self.purchases, self.prices = generate.generate(run.options.seed, run.events)
        prefix = run.name + "-"
        self.inputs = {prefix + "purchase_events": self.purchases, prefix + "item_price_events": self.prices}
        self.output = prefix + "user_online_features"
        self.environment = {"PREFIX": prefix, "MAX_DELAY": f"{generate.MAX_DELAY}s"}
        self.definition = examples.definition_of(os.path.join(folder, "kafka.json"), run)
        for topic in (*self.inputs, self.output):
            run.broker.topic(topic, 3)

    def fill(self, rate):
        lines = examples.interleaved(self.inputs, lambda event: event["timestamp"])
        return examples.Feeder(self.run.broker.address, lines, rate)

    def verdict(self):
        verdict = Verdict()
        want = map(examples.as_text, oracle.rows(self.purchases, self.prices))
        verdict.compare_rows(list(want), examples.published(self.run, self.output))
        print(f"{self.run.name}, output features: {verdict}", flush=True)
        return verdict
