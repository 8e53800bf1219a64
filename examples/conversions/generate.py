#!/usr/bin/env python3
"""Generates what 20 users of a shop do, into ten streams (one per host), and the truth: which searches led to which purchases.

One user at a time is on a journey: searches, views an item, puts it into the cart and buys it. 20 % of the events are that user's;
the others are of all other users, who search (20 %), view (16 %) and put into carts (64 %), but never buy. At the end come six
rounds, a second apart, of one event per stream: they move the watermark past all that matters. An event lands in any of the streams,
up to four seconds late. Everything is a function of the options.
"""

import argparse
import collections
import os
import random

USERS, ITEMS, STREAMS = range(1, 21), range(1, 21), 10
QUERIES = ("linen", "gifts", "mid-century modern", "contemporary living", "fashion", "home and living", "kitchen", "lamps", "rugs",
           "oak table", "candles", "curtains", "bookshelf", "garden", "vintage")
BEGIN = 1_739_603_600_000  # ms since 1970
ROUNDS = 6
MOST_DELAY = 4000  # ms; the definitions allow for 5 s

Event = collections.namedtuple("Event", "at user action item query")
Conversion = collections.namedtuple("Conversion", "user query item")

MALFORMED = ("user=3;user=4;item=5;action=view;epoch_ms=1739603607844", "user=sixteen;search=linen;epoch_ms=1739603607844",
             "user=3;item=5;action=view;epoch_ms=yesterday", "GET /index.html")


def text_of(event):
    if event.action == "search":
        return f"user={event.user};search={event.query};epoch_ms={event.at}"
    return f"user={event.user};item={event.item};action={event.action};epoch_ms={event.at}"


def conversion_text(x):
    return f"user={x.user};item={x.item};query={x.query}"


class Log:
    """`lines`: (stream, text) in the order of arrival; `events`: those in the order of their times; `truth`: the conversions in the
    order of their purchases; `malformed`: how many lines are no events."""

    def __init__(self, seed, count, malformed=0):
        self.random = random.Random(seed)
        self.events, self.truth, self.malformed = [], [], malformed
        self._walk(count)
        arrivals = [(x.at + self.random.randint(0, MOST_DELAY), self.random.randrange(STREAMS), text_of(x)) for x in self.events]
        for _ in range(malformed):
            arrivals.append((self.random.choice(arrivals)[0], self.random.randrange(STREAMS), self.random.choice(MALFORMED)))
        arrivals += self._closing_rounds()
        arrivals.sort(key=lambda x: x[0])
        self.lines = [x[1:] for x in arrivals]

    def _walk(self, count):
        at, self.journey, done = BEGIN, self._new_journey(), 0
        for _ in range(count):
            at += self.random.randint(1, 1000)
            if self.random.random() >= 0.2:
                self.events.append(self._noise(at))
                continue
            user, query, item = self.journey
            self.events.append(Event(at, user, ("search", "view", "cart", "buy")[done], item, query))
            done += 1
            if done == 4:
                self.truth.append(self.journey)
                self.journey, done = self._new_journey(), 0

    def _new_journey(self):
        return Conversion(self.random.choice(USERS), self.random.choice(QUERIES), self.random.choice(ITEMS))

    def _others(self):
        return [user for user in USERS if user != self.journey.user]

    def _noise(self, at):
        action = self.random.choices(("search", "view", "cart"), (20, 16, 64))[0]
        return Event(at, self.random.choice(self._others()), action, self.random.choice(ITEMS), self.random.choice(QUERIES))

    def _closing_rounds(self):
        last = self.events[-1].at if self.events else BEGIN
        for number in range(1, ROUNDS + 1):
            at = last + 1000 * number
            for stream, user in enumerate(self.random.sample(self._others(), STREAMS)):
                yield at, stream, text_of(Event(at, user, "search", None, self.random.choice(QUERIES)))

    def write(self, directory):
        """`hosts/host-0000` … and `truth.txt`."""
        os.makedirs(os.path.join(directory, "hosts"), exist_ok=True)
        texts = collections.defaultdict(list)
        for stream, text in self.lines:
            texts[stream].append(text + "\n")
        for stream in range(STREAMS):
            with open(os.path.join(directory, "hosts", host(stream)), "w") as f:
                f.writelines(texts[stream])
        with open(os.path.join(directory, "truth.txt"), "w") as f:
            f.writelines(conversion_text(x) + "\n" for x in self.truth)


def host(stream):
    return f"host-{stream:04}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", help="for hosts/host-0000 … host-0009 and truth.txt")
    parser.add_argument("--events", type=int, default=200_000, help="how many, before the closing rounds (200000)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--malformed", type=int, default=0, help="that many further lines are no events (0)")
    options = parser.parse_args()
    Log(options.seed, options.events, options.malformed).write(options.directory)


if __name__ == "__main__":
    main()
