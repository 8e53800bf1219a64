"""examples/conversions: searches that led to purchases to one topic, each change of an item's best queries to another. The multiset of
the one and the sequences of the other are determined by the truth."""

import json
import os

from systems import examples
from verdict import Verdict

folder = examples.use("conversions")
import check  # noqa: E402
import generate  # noqa: E402
import oracle  # noqa: E402
from example import Comparison  # noqa: E402


class Conversions:
    def __init__(self, run):
        self.run = run
        self.log = generate.Log(run.options.seed, run.events)
        self.topics = {"ROLLUP": f"{run.name}-rollup", "TOP_QUERIES": f"{run.name}-top-queries"}
        self.hosts = f"{run.name}-host-0"  # one topic, a partition for each host: topics take long to make
        self.environment = {"HOSTS": f"{run.name}-host-[0-9]+", **self.topics}
        self.definition = examples.definition_of(os.path.join(folder, "kafka.json"), run)
        run.broker.topic(self.hosts, generate.STREAMS)
        for topic in self.topics.values():
            run.broker.topic(topic, 4)

    def fill(self, rate):
        lines = [((self.hosts, stream), text) for stream, text in self.log.lines]
        return examples.Feeder(self.run.broker.address, lines, rate)

    def verdict(self):
        truth = [tuple(x) for x in self.log.truth]
        rollup, lists = Verdict(), Verdict()
        rollup.compare_rows(truth, [tuple(json.loads(value).values()) for _, value, _ in self.run.broker.read(self.topics["ROLLUP"])])
        print(f"{self.run.name}, output rollup: {rollup}", flush=True)
        have = {}
        for key, value, _ in self.run.broker.read(self.topics["TOP_QUERIES"]):
            have.setdefault(json.loads(key)["item"], []).append(tuple(json.loads(value)["top_queries"]) if value else "deleted")
        lists.compare_sequences({item: list(map(tuple, x)) for item, x in oracle.lists(truth).items()}, have)
        print(f"{self.run.name}, output top_queries: {lists}", flush=True)
        served = Comparison(f"{self.run.name}, over HTTP")
        with self.run.serving() as client:
            check.compare_features(served, client, truth)
        lists.wrong += served.report()
        lists.add(rollup)
        return lists
