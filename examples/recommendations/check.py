#!/usr/bin/env python3
"""Generates what users look at and buy, runs keyfold on it, changes the inventory in mid-run, and compares every line with the oracle's.

The lines of all windows must be exactly those that the rules give: products of the category that is looked at, in stock, those bought
before first, then by rating, none that was suggested on earlier pages. From the change on, the other stock counts. What HTTP says of every
user must be the line published last. On files, or with --kafka between topics: the time of an event is its record's timestamp; or with --real
as the seed document has it: Avro, whose schemas a registry has, in topics that are read from their ends. Exit status 1 if anything differs.
"""

import csv
import json
import os
import re
import shutil
import sys
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../support"), HERE]
import generate  # noqa: E402
import oracle  # noqa: E402
from example import Comparison, Example, main  # noqa: E402
from producer import Producer  # noqa: E402
from registry import Registry, framed  # noqa: E402
from stack import Broker  # noqa: E402

SAMPLE = re.compile(r'user-\d+,(\d+|"\d+(,\d+){1,5}"),"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"')
PARTITIONS = 2


class Files:
    """Streams and the output are files."""

    definition = os.path.join(HERE, "definition.json")

    def __init__(self, directory):
        self.paths = {name: os.path.join(directory, name + ending)
                      for name, ending in (("clicks", ".json"), ("sales", ".csv"), ("recommended", ".csv"))}
        self.environment = {name.upper(): path for name, path in self.paths.items()}
        with open(self.paths["clicks"], "w"), open(self.paths["sales"], "w") as sales:
            sales.write("invoice_id,user_id,product_id,at\n")

    def append(self, events):
        with open(self.paths["clicks"], "a") as clicks, open(self.paths["sales"], "a") as sales:
            for number, event in enumerate(events):
                if event.kind == "click":
                    clicks.write(json.dumps({"user_id": event.user, "product_id": event.product, "at": event.at}) + "\n")
                else:
                    sales.write(f"{number},{event.user},{event.product},{event.at}\n")

    def has_begun(self, _):
        """Whether nothing that is appended can be missed."""
        return True

    def lines(self):
        """Each under the user it is about."""
        if not os.path.exists(self.paths["recommended"]):
            return []
        with open(self.paths["recommended"]) as f:
            changes = f.read().splitlines()[1:]
        if any(not change.startswith("upsert,") for change in changes):
            raise RuntimeError("a line is no upsert")
        return [(change.split(",")[1], change[len("upsert,"):]) for change in changes]


class Topics:
    """Streams and the output are topics of a broker."""

    definition = os.path.join(HERE, "kafka.json")
    topics = {"click": "flink.click.streams", "sale": "flink.sales.records"}
    output = "flink.recommended.products"

    def __init__(self, broker):
        self.broker = broker
        self.environment = {"BROKERS": broker.address}
        self.producer = Producer(broker.address)
        # The records are of 2024: nothing may be deleted because of its age.
        for topic in (*self.topics.values(), self.output):
            broker.topic(topic, PARTITIONS, retention_ms=-1)

    def append(self, events):
        for event in events:
            value = {"user_id": event.user, "product_id": event.product}
            if event.kind == "sale":
                value |= {"invoice_id": f"{event.user}-{event.at}", "quantity": "1", "unit_cost": "9.99"}
            everywhere = event.user == generate.NOBODY
            partitions = range(PARTITIONS) if everywhere else [zlib.crc32(event.user.encode()) % PARTITIONS]
            for partition in partitions:
                self.producer.send(self.topics[event.kind], partition, event.at, event.user, self.encoded(event.kind, value))
        self.producer.flush()

    def encoded(self, _, value):
        return json.dumps(value).encode()

    def has_begun(self, _):
        return True

    def lines(self):
        return [(key, value) for key, value, _ in self.broker.read(self.output)]


class Real(Topics):
    """The same topics in Avro, whose schemas are in a registry; they are read from their ends."""

    definition = os.path.join(HERE, "real.json")
    schemas = {"click": "clickStream.avsc", "sale": "sales.avsc"}

    def __init__(self, broker, registry):
        super().__init__(broker)
        self.environment["REGISTRY"] = registry.url
        self.formats = {}
        for kind, name in self.schemas.items():
            with open(os.path.join(HERE, "schemas", name)) as f:
                schema = f.read()
            self.formats[kind] = registry.register(f"{self.topics[kind]}-value", schema), schema

    def encoded(self, kind, value):
        return framed(*self.formats[kind], value)

    def has_begun(self, example):
        """Where a topic ends is known once its partitions have been assigned: the lag is shown from then on."""
        return all(example.series("keyfold_kafka_source_lag_records", stream=stream) == PARTITIONS for stream in ("clicks", "sales"))


def published_last(lines):
    """user -> list of products, as its last line says."""
    return {user: next(csv.reader([line]))[1].split(",") for user, line in lines}


def compare_by_user(comparison, have, want):
    """The lines of each user, in their order."""
    of_user = {}
    for place, lines in enumerate((have, want)):
        for user, line in lines:
            of_user.setdefault(user, ([], []))[place].append(line)
    for user, (had, wanted) in sorted(of_user.items()):
        comparison.value(f"lines of {user}", len(had), len(wanted))
        for number, line in enumerate(wanted):
            comparison.value(f"line {number} of {user}", had[number] if number < len(had) else None, line)


def run(options, directory, place):
    inventory = os.path.join(directory, "productInventory.csv")
    shutil.copyfile(os.path.join(HERE, "productInventory.csv"), inventory)
    shop = generate.Shop(options.seed, generate.read_inventory(inventory))
    truth = oracle.recommendations(shop)
    with open(os.path.join(directory, "truth.csv"), "w") as f:
        f.writelines(f"{line}\n" for line in truth)
    example = Example(options.keyfold, place.definition, directory, INVENTORY=inventory, **place.environment)
    lookups = Comparison("what HTTP says of users")
    with example.serving(lambda: place.has_begun(example), "the ends of the topics") as client:
        for number, events in enumerate(shop.phases):
            if number > 0:
                change_inventory(example, inventory, shop.inventories[number])
            place.append(events + shop.closing(number))
            ends = shop.begin(number) + shop.seconds * 1000
            expected = sum(line.end <= ends for line in truth)
            example.wait_until(lambda expected=expected: len(place.lines()) >= expected, f"{expected} lines")
            listed = published_last([(line.user, str(line)) for line in truth if line.end <= ends])
            for user, products in listed.items():
                lookups.value(user, (client.entity("user", user) or {}).get("products"), products)
        lookups.value("late rows", example.metric("keyfold_view_late_rows_total"), 0)
    lines = place.lines()
    listed = Comparison("lines published")
    compare_by_user(listed, lines, [(line.user, str(line)) for line in truth])
    for _, line in lines:
        listed.value(f"format of {line}", bool(SAMPLE.fullmatch(line)), True)
    show(shop, truth)
    return listed.report() + lookups.report()


def change_inventory(example, path, products):
    """As a deployment does: another file takes the place of the one there is."""
    before = loads(example)
    generate.write_inventory(path + ".new", products)
    os.replace(path + ".new", path)
    example.wait_until(lambda: loads(example) > before, "new inventory")


def loads(example):
    return example.metric("keyfold_table_loads_total", table="inventory") or 0


def show(shop, truth):
    full = sum(len(line.products) == oracle.K for line in truth)
    print(f"{sum(len(phase) for phase in shop.phases)} events, {len(truth)} lines, {full} of {oracle.K} products", flush=True)


def on_files(options, directory):
    return run(options, directory, Files(directory))


def on_kafka(options, directory, broker):
    return run(options, directory, Topics(broker))


def on_real(options, directory):
    with Broker(directory) as broker, Registry(directory) as registry:
        return run(options, directory, Real(broker, registry))


if __name__ == "__main__":
    main("recommendations", __doc__, on_files, on_kafka, on_real=on_real)
