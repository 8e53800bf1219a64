#!/usr/bin/env python3
"""Generates events, runs the counter machine on them, and compares every value with the oracle's.

On files (the default): definition.json. All rows of the upserts' table, and the features that 500 users, posts and pairs show over
HTTP, must be the oracle's; so must the document's own events give the document's own numbers. With --kafka: kafka.json, the same for
the upserts of a topic, read as an outsider reads them. With --real: dynamodb.json, from a topic to a DynamoDB table, whose items must be
the oracle's, in the document's shape. Exit status 1 if anything differs.
"""

import json
import os
import random
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../support"), HERE]
import oracle  # noqa: E402
from example import Comparison, Example, main  # noqa: E402
import dynamodb  # noqa: E402
import stack  # noqa: E402

# The document's numbers: user, seconds after the newest event of all -> feature -> value.
DOCUMENT = {
    ("5", 1707605605): {"like_count_5s": 1.3678794411714423, "like_count_10s": 1.6065306597126334, "like_count_15s": 1.7165313105737892},
    ("1234", 1707605599): {"like_count_5s": 1, "like_count_10s": 1, "like_count_15s": 1, "view_count_5s": 0, "like_creators": 1},
    ("1234", 1707605604): {"like_count_5s": 0.36787944117144233, "like_count_10s": 0.6065306597126334, "like_count_15s": 0.7165313105737892},
    ("1238", 1707606667): {"view_count_5s": 1, "view_count_10s": 1, "view_count_15s": 1, "like_count_5s": 0, "likes_per_view_5s": 0},
}


def definition(name):
    return os.path.join(HERE, name)


def compare_features(comparison, what, have, want, same=oracle.same):
    for name, value in want.items():
        comparison.value(f"{what} {name}", have and have.get(name), value, lambda a, b, name=name: same(name, a, b))


def check_table(comparison, have, want):
    for key in want.keys() | have.keys():
        if key not in have or key not in want:
            comparison.value(f"row {key}", key in have, key in want)
        else:
            compare_features(comparison, key, have[key], want[key])


def check_lookups(comparison, client, truth, seed):
    at = truth.newest + 1
    for view, (entity, *_rest) in oracle.VIEWS.items():
        keys = sorted(truth.kept[view])
        for key in random.Random(seed).sample(keys, min(500, len(keys))):
            compare_features(comparison, f"{entity} {key}", client.entity(entity, key, as_of=at * 1000), truth.features(view, key, at))


def generate(options, target):
    subprocess.run([options.keyfold, "generate", "counters", "--events", str(options.events), "--seed", str(options.seed),
                    "--users", "20000", "--output", target], check=True)


def on_document(options, directory):
    comparison = Comparison("the document's events")
    example = Example(options.keyfold, definition("definition.json"), os.path.join(directory, "document"),
                      EVENTS=os.path.join(HERE, "document.json"))
    example.fold_all()
    with example.serving() as client:
        for (user, at), features in DOCUMENT.items():
            compare_features(comparison, f"user {user}", client.entity("user", user, as_of=at * 1000), features,
                             lambda _, a, b: a is not None and abs(a - b) <= 1e-12)
    return comparison.report()


def on_files(options, directory):
    failed = on_document(options, directory)
    example = Example(options.keyfold, definition("definition.json"), os.path.join(directory, "files"))
    generate(options, example.environment["EVENTS"])
    example.fold_all()
    truth = oracle.Oracle(oracle.events_of(example.environment["EVENTS"]))
    table, lookups = Comparison("table of the upserts"), Comparison("lookups over HTTP")
    check_table(table, example.table(example.environment["UPSERTS"]), truth.table("activity"))
    failed += table.report()
    with example.serving() as client:
        check_lookups(lookups, client, truth, options.seed)
    return failed + lookups.report()


def on_kafka(options, directory, broker):
    broker.topic("events", 4)
    broker.topic("counters", 4)
    example = Example(options.keyfold, definition("kafka.json"), os.path.join(directory, "kafka-run"), BROKERS=broker.address)
    generate(options, f"kafka://{broker.address}/events")
    example.fold_all()
    comparison = Comparison("table of the topic")
    events = [json.loads(value) for _, value, _ in broker.read("events")]
    check_table(comparison, example.table(f"kafka://{broker.address}/counters"), oracle.window_table(events))
    return comparison.report()


# An item as the document has it: attribute -> its type.
ITEM = {"key": "S", "featureName": "S", "counts": "M"}
COUNTER = {"decayInterval": "N", "lastUpdate": "N", "value": "N"}
INTERVALS = ("5", "10", "15")


def types_of(attributes):
    return {name: next(iter(value)) for name, value in attributes.items()}


def compare_items(comparison, items, want, same=oracle.same):
    """want: (user, event name) -> name -> value, and `last_update` in seconds."""
    for item in items:
        key = item["key"]["S"], item["featureName"]["S"]
        row = want.pop(key, None)
        comparison.value(f"types of {key}", types_of(item), ITEM)
        comparison.value(f"intervals of {key}", tuple(item["counts"]["M"]), INTERVALS, lambda a, b: sorted(a) == sorted(b))
        for interval, counter in item["counts"]["M"].items():
            comparison.value(f"types of {key} {interval}", types_of(counter["M"]), COUNTER)
            counter, name = dynamodb.plain(counter), f"count_{interval}s"
            comparison.value(f"{key} {interval} interval", counter["decayInterval"], int(interval))
            comparison.value(f"{key} {interval} value", counter["value"], row and row[name], lambda a, b, name=name: same(name, a, b))
            comparison.value(f"{key} {interval} time", counter["lastUpdate"], row and row["last_update"])
    for key in want:
        comparison.value(f"item {key}", None, key)


def with_times(table, events):
    newest = {}
    for event in events:
        key = event["userId"], event["eventName"]
        newest[key] = max(newest.get(key, 0), event["eventTs"])
    return {key: {**row, "last_update": newest[key]} for key, row in table.items()}


def on_real(options, directory):
    """From the document's own topic to its own table; first the document's events and its numbers."""
    failed = 0
    with stack.Broker(directory) as broker, dynamodb.DynamoDB(directory) as server:
        for name, fill, same in (
                ("document", lambda: broker.write("document", open(os.path.join(HERE, "document.json")).read().splitlines()),
                 lambda _, a, b: abs(a - b) <= 1e-12),
                ("generated", lambda: generate(options, f"kafka://{broker.address}/generated"), oracle.same)):
            broker.topic(name, 4)
            fill()
            example = Example(options.keyfold, definition("dynamodb.json"), os.path.join(directory, name), BROKERS=broker.address,
                              DYNAMODB=server.url, TOPIC_IN=name, TABLE="Counters-" + name, AWS_ACCESS_KEY_ID="example",
                              AWS_SECRET_ACCESS_KEY="secret")
            example.fold_all()
            comparison = Comparison(f"items of the {name} events")
            events = [json.loads(value) for _, value, _ in broker.read(name)]
            want = with_times(oracle.window_table(events), events)
            if name == "document":
                want["5", "like"] |= {f"count_{i}s": DOCUMENT["5", 1707605605][f"like_count_{i}s"] for i in INTERVALS}
            compare_items(comparison, server.items("Counters-" + name), want, same)
            failed += comparison.report()
    return failed


if __name__ == "__main__":
    main("counter-machine", __doc__, on_files, on_kafka,
         lambda parser: parser.add_argument("--events", type=int, default=200_000, help="how many (200000)"), on_real)
