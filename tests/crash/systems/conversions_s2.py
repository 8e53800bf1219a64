"""examples/conversions between streams of a real S2: the rollup's rows and the sequences of the lists are determined by the truth."""

import json
import os
import threading
import time

from systems import examples
from verdict import Verdict

folder = examples.use("conversions")
import generate  # noqa: E402
import oracle  # noqa: E402
import s2  # noqa: E402


class Feeder(threading.Thread):
    """Appends lines to the hosts' streams in their order, `rate` a second (0: as fast as it goes)."""

    def __init__(self, url, prefix, lines, rate):
        super().__init__(daemon=True)
        self.client, self.prefix, self.lines, self.rate, self.failure = s2.Client(url), prefix, lines, rate, None
        self.start()

    def run(self):
        begun, portion = time.monotonic(), max(1, int(self.rate * examples.STEP) if self.rate else 10_000)
        try:
            for at in range(0, len(self.lines), portion):
                share = {}
                for stream, text in self.lines[at:at + portion]:
                    share.setdefault(stream, []).append(text)
                for stream, texts in share.items():
                    self.client.append(self.prefix + generate.host(stream), texts)
                if self.rate:
                    time.sleep(max(0.0, begun + (at + portion) / self.rate - time.monotonic()))
        except (OSError, RuntimeError) as failure:
            self.failure = failure

    def wait(self):
        self.join()
        if self.failure:
            print(f"the events could not be appended: {self.failure}", flush=True)
        return int(self.failure is not None)


class ConversionsS2:
    server = s2.Server  # instead of a broker
    scenarios = ("kills", "ledger-commit", "output-commit", "disk-full")  # a feeder of its kind does not outlive the server

    def __init__(self, run):
        self.run = run
        self.log = generate.Log(run.options.seed, run.events)
        self.prefix = f"{run.name}/host/"
        self.streams = {"ROLLUP": f"{run.name}/rollup", "TOP_QUERIES": f"{run.name}/top-queries"}
        self.environment = {"S2": run.broker.url, "BASIN": s2.BASIN, "HOSTS": self.prefix, **self.streams}
        self.definition = examples.definition_of(os.path.join(folder, "s2.json"), run)
        for stream in range(generate.STREAMS):
            run.broker.create(self.prefix + generate.host(stream))

    def fill(self, rate):
        return Feeder(self.run.broker.url, self.prefix, self.log.lines, rate)

    def verdict(self):
        truth = [tuple(x) for x in self.log.truth]
        rollup, lists = Verdict(), Verdict()
        rollup.compare_rows(truth, [tuple(json.loads(body).values()) for _, body in self.run.broker.read(self.streams["ROLLUP"])])
        print(f"{self.run.name}, output rollup: {rollup}", flush=True)
        have = {}
        for headers, body in self.run.broker.read(self.streams["TOP_QUERIES"]):
            value = tuple(json.loads(body)["top_queries"]) if headers["@action"] == "u" else "deleted"
            have.setdefault(json.loads(headers["@key"])["item"], []).append(value)
        lists.compare_sequences({item: list(map(tuple, x)) for item, x in oracle.lists(truth).items()}, have)
        print(f"{self.run.name}, output top_queries: {lists}", flush=True)
        lists.add(rollup)
        return lists
