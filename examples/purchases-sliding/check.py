#!/usr/bin/env python3
"""Runs the example and checks all that it publishes and serves.

First the document's events: three rows as long as more prices may come, five when the prices are declared complete. Then generated ones,
out of order: the features that 300 users show over HTTP while both inputs are open, and after a restart all rows to the end of the events
must be those that oracle.py computes. On files, or with --kafka (or --real, as the
document has it) between topics of a real broker. Exit status 1 if anything differs.
"""

import json
import os
import random
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../support"), HERE]
import generate  # noqa: E402
import oracle  # noqa: E402
from example import Comparison, Example, lines_of, main, places  # noqa: E402
from stack import Broker  # noqa: E402

INPUTS, OUTPUT = ("purchase_events", "item_price_events"), "user_online_features"
THREE = [("user_1", "2022-01-01 00:00:59", 100.0), ("user_1", "2022-01-01 00:01:59", 500.0), ("user_1", "2022-01-01 00:02:59", 1000.0)]
FIVE = [*THREE, ("user_1", "2022-01-01 00:03:59", 600.0), ("user_2", "2022-01-01 00:03:59", 300.0)]


def example_in(options, place, **environment):
    """The definition that reads and writes in this place; both inputs may go on unless `environment` says that they end."""
    definition = "kafka.json" if options.kafka else "definition.json"
    return Example(options.keyfold, os.path.join(HERE, definition), place.directory, **place.environment, **environment)


def on_document(options, place, title, want, **environment):
    """The document's events, read by a process that waits for more purchases, and for more prices unless they end."""
    for name in INPUTS:
        place.append(name, lines_of(os.path.join(HERE, "document", name + ".json")))
    want = [dict(zip(("user_id", "timestamp", oracle.FEATURE), row)) for row in want]
    last = [row[oracle.FEATURE] for row in want if row["user_id"] == "user_1"][-1]
    example, comparison = example_in(options, place, **environment), Comparison(title)
    with example.serving(until=lambda: (example.client.entity("user", "user_1") or {}).get(oracle.FEATURE) == last,
                         what=f"feature {last} of user_1"):
        pass
    for row in place.rows():
        print(json.dumps(row))
    comparison.rows(place.rows(), want)
    return comparison.report()


def on_generated(options, place):
    purchases, prices = generate.generate(options.seed, options.purchases)
    for name, events in zip(INPUTS, (purchases, prices)):
        place.append(name, events)
    example = example_in(options, place, MAX_DELAY=f"{generate.MAX_DELAY}s")
    lookups, published = Comparison("lookups over HTTP, inputs open"), Comparison("rows published, to the end")
    paid = oracle.payments(purchases, prices)
    with example.serving(example.folded("priced", len(purchases) + len(prices)), "all events") as client:
        watermark = place.watermark(lambda row: oracle.seconds(row["timestamp"]), generate.MAX_DELAY)
        for user in random.Random(options.seed).sample(sorted(paid), min(300, len(paid))):
            want = oracle.features(paid[user], watermark)
            lookups.eventually(user, lambda user=user, want=want: client.entity("user", user) or dict.fromkeys(want), want)
    failed = lookups.report()
    example.fold_all()
    published.rows(place.rows(), oracle.rows(purchases, prices))
    return failed + published.report()


def run(options, place):
    return (on_document(options, place("document"), "the document's events", THREE)
            + on_document(options, place("bounded"), "the same, prices bounded", FIVE,
                          FOLLOW_PRICES="false", BOUNDED_PRICES="true")
            + on_generated(options, place("generated", partitions=3)))


on_files, on_kafka = places(run, INPUTS, OUTPUT)


def on_real(options, directory):
    """The document's ends are three topics."""
    options.kafka = True
    with Broker(directory) as broker:
        return on_kafka(options, directory, broker)


if __name__ == "__main__":
    main("purchases-sliding", __doc__, on_files, on_kafka,
         lambda parser: parser.add_argument("--purchases", type=int, default=20_000, help="how many (20000)"), on_real)
