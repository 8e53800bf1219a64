#!/usr/bin/env python3
"""Generates what users do, runs keyfold on it, and compares all that comes out with the truth.

First the document's eight lines, which must give its one conversion and its one list, and not before the last line has come; then ten
generated logs. The conversions must be the truth's, each as often as there; the lists of best queries must be those that the truth gives;
what HTTP says of items and users, too; lines that are no events must be dead letters. On files, or with --kafka from ten topics (and an
eleventh, which is empty) to two, or with --real from ten streams of an S2 basin (and an eleventh), read as an outsider reads them. Exit
status 1 if anything differs.
"""

import json
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../support"), HERE]
import generate  # noqa: E402
import oracle  # noqa: E402
from example import Comparison, Example, lines_of, main  # noqa: E402
import s2  # noqa: E402

MALFORMED = 20
STEPS = ("searched", "viewed", "carted")
CONVERSION = {"userId": 16, "matchedSearchQuery": "linen", "matchedItemId": 5}


class Files:
    """Streams and outputs are files."""

    definition = os.path.join(HERE, "definition.json")

    def __init__(self, directory):
        self.hosts, self.outputs = (os.path.join(directory, name) for name in ("hosts", "outputs"))
        os.makedirs(self.hosts)
        os.makedirs(self.outputs)
        self.environment = {"HOSTS": self.hosts, **{name.upper(): os.path.join(self.outputs, name) for name in ("rollup", "top_queries")}}

    def append(self, stream, lines):
        with open(os.path.join(self.hosts, generate.host(stream)), "a") as f:
            f.writelines(line + "\n" for line in lines)

    def conversions(self):
        path = self.environment["ROLLUP"]
        return lines_of(path) if os.path.exists(path) else []

    def table(self, example, output):
        """What the upserts make."""
        return example.table(self.environment[output])


class Topics:
    """Streams and outputs are topics of a broker."""

    definition = os.path.join(HERE, "kafka.json")

    def __init__(self, directory, broker, streams):
        name = os.path.basename(directory)
        self.broker, self.prefix = broker, name + "-"
        self.environment = {"BROKERS": broker.address, "APPLICATION": name, "HOSTS": name + "-host-[0-9]+",
                            "ROLLUP": name + "-rollup", "TOP_QUERIES": name + "-top-queries"}
        for stream in range(streams + 1):  # the last one stays empty
            broker.topic(self.prefix + generate.host(stream), 1)
        broker.topic(self.environment["ROLLUP"], 4)

    def append(self, stream, lines):
        self.broker.write(self.prefix + generate.host(stream), lines)

    def conversions(self):
        records = list(self.broker.read(self.environment["ROLLUP"]))
        if any(key not in ("", "NULL") for key, _, _ in records):
            raise RuntimeError("a conversion has a key, which nobody asked for")
        return [json.loads(value) for _, value, _ in records]

    def table(self, example, output):
        return example.table(f"kafka://{self.broker.address}/{self.environment[output]}")


class Streams:
    """Streams and outputs are streams of an S2 basin."""

    definition = os.path.join(HERE, "s2.json")

    def __init__(self, directory, server, streams):
        name = os.path.basename(directory)
        self.server, self.prefix = server, name + "/host/"
        self.environment = {"S2": server.url, "BASIN": s2.BASIN, "HOSTS": self.prefix, "DISCOVER": "1s",
                            "ROLLUP": name + "/rollup/converting-queries-per-item",
                            "TOP_QUERIES": name + "/feature/top-5-converting-queries-per-item"}
        for stream in range(streams + 1):  # the last one stays empty
            server.create(self.prefix + generate.host(stream))

    def append(self, stream, lines):
        self.server.append(self.prefix + generate.host(stream), lines)

    def conversions(self):
        if not self.server.exists(self.environment["ROLLUP"]):
            return []
        records = list(self.server.read(self.environment["ROLLUP"]))
        if any("@key" in headers for headers, _ in records):
            raise RuntimeError("a conversion has a key, which nobody asked for")
        return [json.loads(body) for _, body in records]

    def table(self, example, output):
        stream = self.environment[output]
        shown = example.table(f"s2://{s2.BASIN}/{stream}", "-X", "endpoint=" + self.server.url)
        outside = {tuple(json.loads(key).values()): value for key, value in s2.upserts(self.server.read(stream)).items()}
        if shown != outside:
            raise RuntimeError(f"`keyfold tail` shows other rows of {stream} than there are")
        return outside


def on_document(options, directory, place):
    """The last line, half an hour later, says that nothing of the time before is still to come."""
    example = Example(options.keyfold, place.definition, directory, **place.environment)
    with open(os.path.join(HERE, "document.txt")) as f:
        document = f.read().splitlines()
    comparison = Comparison("the document's lines")
    place.append(0, document[:-1])
    with example.serving(until=lambda: example.metric("keyfold_source_records_total") == 7, what="seven lines"):
        time.sleep(1)
        comparison.value("conversions before the last line", place.conversions(), [])
    place.append(0, document[-1:])
    with example.serving(until=lambda: example.client.entity("item", "5"), what="the list of item 5") as client:
        comparison.value("conversions of user 16", client.entity("user", "16")["match_count"], 1)
        comparison.value("queries of item 5", client.entity("item", "5")["top_queries"], ["linen"])
    comparison.rows(place.conversions(), [CONVERSION])
    comparison.value("table", place.table(example, "TOP_QUERIES"), {(5,): {"top_queries": ["linen"]}})
    return comparison.report()


def compare_features(comparison, client, truth):
    """What has been found: the lists of items, the conversions of users."""
    for item, queries in oracle.top_queries(truth).items():
        comparison.value(f"item {item}", (client.entity("item", str(item)) or {}).get("top_queries"), queries)
    for user, (count, query, item) in oracle.conversions_of_users(truth).items():
        have = client.entity("user", str(user)) or {}
        for name, value in (("match_count", count), ("last_match_matchedSearchQuery", query), ("last_match_matchedItemId", item)):
            comparison.value(f"user {user} {name}", have.get(name), value)


def compare_steps(comparison, client, log):
    """How far journeys have come; the closing rounds bring the watermark to just before the first of them."""
    steps = oracle.steps(log.events, log.events[-1].at + 999)
    for user in generate.USERS:
        have = client.entity("user", str(user)) or {}
        for step in STEPS:
            name = f"partial_matches_{step}"
            comparison.value(f"user {user} {name}", have.get(name), int(steps.get(user) == step))


def compare_counters(comparison, example):
    for name in ("keyfold_view_late_rows_total", "keyfold_view_bound_reached_total"):
        comparison.value(name, example.metric(name), 0)
    comparison.value("dead letters", example.metric("keyfold_source_dead_letters_total"), MALFORMED)


def on_generated(options, directory, place):
    log = generate.Log(options.seed, options.events, MALFORMED)
    log.write(directory)
    truth = list(oracle.read_truth(os.path.join(directory, "truth.txt")))
    for stream in range(generate.STREAMS):
        with open(os.path.join(directory, "hosts", generate.host(stream))) as f:
            place.append(stream, f.read().splitlines())
    example = Example(options.keyfold, place.definition, directory, **place.environment)
    end = log.events[-1].at / 1000 + 0.999

    def all_found():
        return ((example.metric("keyfold_stream_watermark_seconds", stream="actions") or 0) >= end
                and example.metric("keyfold_source_rows_total", stream="conversions") >= len(truth))

    lookups, published = Comparison("lookups over HTTP"), Comparison(f"{len(truth)} conversions, and the lists that they make")
    with example.serving(until=all_found, what=f"{len(truth)} conversions") as client:
        compare_features(lookups, client, truth)
        compare_steps(lookups, client, log)
        compare_counters(lookups, example)
    published.rows([tuple(row.values()) for row in place.conversions()], truth)
    table = place.table(example, "TOP_QUERIES")
    for item, queries in oracle.top_queries(truth).items():
        published.value(f"item {item}", table.pop((item,), None), {"top_queries": queries})
    published.value("lists of other items", table, {})
    return lookups.report() + published.report()


def on_files(options, directory):
    def place(name):
        return os.path.join(directory, name), Files(os.path.join(directory, name, "files"))
    return on_document(options, *place("document")) + on_generated(options, *place("generated"))


def on_kafka(options, directory, broker):
    def place(name, streams):
        os.makedirs(os.path.join(directory, name))
        return os.path.join(directory, name), Topics(os.path.join(directory, name), broker, streams)
    return on_document(options, *place("document", 1)) + on_generated(options, *place("generated", generate.STREAMS))


def on_real(options, directory):
    def place(name, streams):
        os.makedirs(os.path.join(directory, name))
        return os.path.join(directory, name), Streams(os.path.join(directory, name), server, streams)
    with s2.Server(directory) as server:
        return on_document(options, *place("document", 1)) + on_generated(options, *place("generated", generate.STREAMS))


if __name__ == "__main__":
    main("conversions", __doc__, on_files, on_kafka,
         lambda parser: parser.add_argument("--events", type=int, default=200_000, help="how many (200000)"), on_real)
