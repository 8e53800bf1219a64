#!/usr/bin/env python3
"""Computes from the events alone what the definitions beside this file must give. Shares nothing with keyfold.

A counter is the sum, over the events of its key and group, of weight · e^(−age / time constant), or weight · 2^(−age / half-life).
"""

import collections
import json
import math

SMALLEST = 1e-300  # smaller sums are 0
EXACT_DISTINCT = 256  # beyond this many different values keyfold estimates, with a standard error of 1.6 %

# What definition.json says, once more: view -> its entity, key fields, groups, decays (name -> seconds to 1/e) and measures.
DECAYS = {"5s": 5, "10s": 10, "15s": 15, "1h": 3600}
HALF_LIVES = {"half_life_10m": 600 / math.log(2), "half_life_1d": 86400 / math.log(2)}
ACTIVE = ("like", "comment", "share")
VIEWS = {
    "activity": ("user", ("userId",), ("view", *ACTIVE), DECAYS, {"count": None, "seconds": "duration_ms"}, ("creators", "creatorId")),
    "popularity": ("post", ("postId",), ("view", "like"), HALF_LIVES, {"count": None}, ("users", "userId")),
    "affinity": ("user_creator", ("userId", "creatorId"), None, {"1h": 3600}, {"count": None}, None),
}


def events_of(path):
    with open(path) as f:
        return [json.loads(line) for line in f]


class Oracle:
    """entity -> key -> group -> the key's events in that group."""

    def __init__(self, events):
        self.newest = max(e["eventTs"] for e in events)
        self.kept = {view: collections.defaultdict(lambda: collections.defaultdict(list)) for view in VIEWS}
        for event in events:
            for view, (_, fields, groups, *_rest) in VIEWS.items():
                if any(f not in event for f in fields):
                    continue
                group = event["eventName"]
                if groups is None:  # affinity: no groups, and no views
                    group = "" if group in ACTIVE else None
                if group is not None and (groups is None or group in groups):
                    self.kept[view]["|".join(event[f] for f in fields)][group].append(event)

    def features(self, view, key, as_of):
        """All features of a key as a reader at `as_of` (seconds) must see them: name -> value; None where there is none."""
        _, _, groups, decays, measures, distinct = VIEWS[view]
        kept = self.kept[view].get(key, {})
        result = {}
        for group in groups or ("",):
            events = kept.get(group, [])
            prefix = group + "_" if group else ""
            # Of a key that is known, that something has not happened is known too: its counters are 0.
            for name, value in self.sums(events, decays, measures, as_of).items():
                result[prefix + name] = value if kept else None
            if distinct:
                result[prefix + distinct[0]] = len({e[distinct[1]] for e in events if distinct[1] in e}) if kept else None
        if view == "activity":
            result |= self.likes_per_view(kept.get("like", []), kept.get("view", []))
        return result

    def likes_per_view(self, likes, views):
        # The quotient is the same at any time; at the newest event neither sum is too small for a double.
        at = max((e["eventTs"] for e in likes + views), default=0)
        like, view = (self.sums(events, DECAYS, {"count": None}, at) for events in (likes, views))
        return {f"likes_per_view_{decay}": like[f"count_{decay}"] / view[f"count_{decay}"] if view[f"count_{decay}"] else None
                for decay in DECAYS}

    @staticmethod
    def sums(events, decays, measures, as_of):
        result = {}
        for measure, field in measures.items():
            for decay, tau in decays.items():
                weights = ((1 if field is None else e.get(field, 0) / 1000, e["eventTs"]) for e in events)
                total = math.fsum(w * math.exp((at - as_of) / tau) for w, at in weights)
                result[f"{measure}_{decay}"] = total if total > SMALLEST else 0
        return result

    def table(self, view):
        """The rows that the view's upserts must add up to: (key, group) -> name -> value, each as of its newest event."""
        _, _, _, decays, measures, distinct = VIEWS[view]
        rows = {}
        for key, groups in self.kept[view].items():
            for group, events in groups.items():
                newest = max(e["eventTs"] for e in events)
                row = self.sums(events, decays, measures, newest)
                if distinct:
                    row[distinct[0]] = len({e[distinct[1]] for e in events if distinct[1] in e})
                rows[key, group] = row
        return rows


def window_table(events, window=5, decays=(5, 10, 15)):
    """What kafka.json's upserts must add up to: (user, event name) -> name -> value. A window's sum counts at its newest event."""
    windows = collections.defaultdict(lambda: collections.defaultdict(list))
    for event in events:
        windows[event["userId"], event["eventName"]][event["eventTs"] // window].append(event["eventTs"])
    rows = {}
    for key, sums in windows.items():
        newest = max(max(times) for times in sums.values())
        rows[key] = {f"count_{tau}s": math.fsum(len(times) * math.exp((max(times) - newest) / tau) for times in sums.values())
                     for tau in decays}
    return rows


def same(name, have, want):
    """Whether a value is the oracle's: relative 1e-9, for distinct values beyond the exact bound 10 %."""
    if want is None or have is None:
        return have == want
    if name.rpartition("_")[2] in ("creators", "users"):
        return have == want if want <= EXACT_DISTINCT else abs(have - want) <= 0.1 * want
    return math.isclose(have, want, rel_tol=1e-9, abs_tol=1e-290)
