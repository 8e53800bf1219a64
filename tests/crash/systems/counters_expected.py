"""What the crash loop's pipeline must publish, computed from its input alone and independently of keyfold."""

import collections
import json
import math

TIME_CONSTANTS = (5, 10, 15)  # seconds
WINDOW = 5  # seconds


class Counters:
    """One decayed counter per time constant, as of the newest time seen."""

    def __init__(self):
        self.at = None
        self.values = [0.0] * len(TIME_CONSTANTS)

    def add(self, at, count):
        newest = at if self.at is None else max(self.at, at)
        for i, tau in enumerate(TIME_CONSTANTS):
            before = 0.0 if self.at is None else self.values[i] * math.exp((self.at - newest) / tau)
            self.values[i] = before + count * math.exp((at - newest) / tau)
        self.at = newest

    def snapshot(self):
        return tuple(self.values)

    def decayed_to(self, at):
        return tuple(v * math.exp(-max(0.0, at - self.at) / tau) for v, tau in zip(self.values, TIME_CONSTANTS))


class Expected:
    """`each`: (user, event name) -> the values after every event, in order. `windows`: the same after every window.
    `final`: the counters after all."""

    def __init__(self, events):
        self.each = collections.defaultdict(list)
        self.windows = collections.defaultdict(list)
        self.final = collections.defaultdict(Counters)
        counts = collections.defaultdict(lambda: collections.defaultdict(list))
        for event in events:
            key, at = (event["userId"], event["eventName"]), event["eventTs"]
            counters = self.final[key]
            counters.add(at, 1)
            self.each[key].append(counters.snapshot())
            counts[key][at // WINDOW].append(at)
        for key, windows in counts.items():
            counters = Counters()
            for window in sorted(windows):
                counters.add(max(windows[window]), len(windows[window]))
                self.windows[key].append(counters.snapshot())


def events_of(path):
    with open(path) as f:
        for line in f:
            yield json.loads(line)


def counted_as(row):
    """What tells rows apart where the last bits differ."""
    return tuple(f"{x:.8e}" for x in row)


def close(a, b, relative=1e-9):
    return len(a) == len(b) and all(math.isclose(x, y, rel_tol=relative, abs_tol=1e-300) for x, y in zip(a, b))
