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


def close(a, b, relative=1e-9):
    return len(a) == len(b) and all(math.isclose(x, y, rel_tol=relative, abs_tol=1e-300) for x, y in zip(a, b))


class Verdict:
    """What a reader missed, saw more than once, or saw though it should not exist."""

    def __init__(self):
        self.seen = self.lost = self.doubled = self.wrong = 0

    def compare(self, expected, actual):
        """Of one key, in the order of the topic."""
        self.seen += len(actual)
        if len(expected) == len(actual) and all(close(e, a) for e, a in zip(expected, actual)):
            return
        rounded = lambda rows: collections.Counter(tuple(f"{x:.8e}" for x in row) for row in rows)
        want, have = rounded(expected), rounded(actual)
        missing, extra = want - have, have - want
        self.lost += sum(missing.values())
        self.doubled += sum(n for row, n in extra.items() if row in want)
        self.wrong += sum(n for row, n in extra.items() if row not in want)
        if not missing and not extra:
            self.wrong += 1  # all there, but out of order

    def compare_all(self, expected, actual):
        for key in expected.keys() | actual.keys():
            self.compare(expected.get(key, []), actual.get(key, []))

    def add(self, other):
        self.seen += other.seen
        self.lost += other.lost
        self.doubled += other.doubled
        self.wrong += other.wrong

    def __str__(self):
        return f"{self.seen} upserts seen, {self.lost} lost, {self.doubled} doubled, {self.wrong} wrong"
