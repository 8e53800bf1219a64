"""What the systems that are examples share: the folder's programs, its definition as the crash loop wants it, events at a rate."""

import json
import os
import re
import subprocess
import sys
import threading
import time

EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../examples")
STEP = 0.05  # seconds between two portions of events


def use(name):
    """Makes the Python programs of an example importable; returns its folder."""
    folder = os.path.join(EXAMPLES, name)
    sys.path[:0] = [os.path.join(EXAMPLES, "support"), folder]
    return folder


def without_comments(text):
    return re.sub(r'"(?:\\.|[^"\\])*"|//[^\n]*|/\*.*?\*/', lambda x: x[0] if x[0].startswith('"') else "", text, flags=re.DOTALL)


def definition_of(path, run):
    """The definition for crashes, a file in the run's directory: epochs are short, every change of a view is published, so that the
    sequence of all is determined by the events; a process that was killed finds its partitions at once, and a partition whose
    producer waits for the broker is not taken for an idle one."""
    with open(path) as f:
        made = json.loads(without_comments(f.read()))
    made["application"] = "crash-" + run.name
    made["ledger"]["epoch_interval"] = "100ms"
    for stream in made["streams"]:
        if stream["source"]["type"] == "kafka":
            stream["source"]["instance_id"] = "crash"
        stream["idle_after"] = "10m"
    for output in made["outputs"]:
        if "views" in output:
            output["every_change"] = True
    written = os.path.join(run.directory, "definition.json")
    with open(written, "w") as f:
        json.dump(made, f, indent=2)
    return written


class Feeder(threading.Thread):
    """Produces lines, pairs of a place and a text, in their order, `rate` a second (0: as fast as it goes). A place is a topic and a
    partition, -1 for any."""

    def __init__(self, address, lines, rate):
        super().__init__(daemon=True)
        self.lines, self.rate = lines, rate
        self.producers = {place: self._producer(address, *place) for place in sorted({place for place, _ in lines})}
        self.start()

    @staticmethod
    def _producer(address, topic, partition):
        command = ["kcat", "-P", "-E", "-b", address, "-t", topic, "-p", str(partition), "-X", "enable.idempotence=true"]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def run(self):
        begun, portion = time.monotonic(), max(1, int(self.rate * STEP) if self.rate else 10_000)
        for at in range(0, len(self.lines), portion):
            for place, text in self.lines[at:at + portion]:
                self.producers[place].stdin.write(text + "\n")
            for producer in self.producers.values():
                producer.stdin.flush()
            if self.rate:
                time.sleep(max(0.0, begun + (at + portion) / self.rate - time.monotonic()))
        for producer in self.producers.values():
            producer.stdin.close()

    def wait(self):
        self.join()
        return max(producer.wait() for producer in self.producers.values())


def interleaved(inputs, time_of):
    """The events of several topics, topic -> events in the order of their arrival, as lines for the feeder in the order of their times."""
    lines = []
    for topic, events in inputs.items():
        newest = None
        for event in events:
            at = time_of(event)
            newest = at if newest is None else max(newest, at)
            lines.append((newest, (topic, -1), json.dumps(event)))
    lines.sort(key=lambda x: x[0])
    return [x[1:] for x in lines]


def as_text(row):
    """A row as the verdict compares it."""
    return json.dumps(row, sort_keys=True)


def published(run, topic):
    return [as_text(json.loads(value)) for _, value, _ in run.broker.read(topic)]
