#!/usr/bin/env python3
"""Writes purchases, prices and the rows that must come of them (truth.json). The same options give the same events."""

import argparse
import json
import os
import random
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../support"), HERE]
import oracle  # noqa: E402
from example import write_lines  # noqa: E402

BEGIN = oracle.seconds("2022-01-01 00:00:00")
MAX_DELAY = 5  # seconds that an event may come late, as MAX_DELAY of the definition


def as_it_arrives(chance, events):
    """Events in the order of arrival: up to MAX_DELAY late."""
    return sorted(events, key=lambda event: oracle.seconds(event["timestamp"]) + chance.uniform(0, MAX_DELAY))


def generate(seed, count, minutes=60):
    """`count` purchases of some hundreds of users within so many minutes, and the prices: one in ten items never has one, others have
    one only after some have been bought."""
    chance = random.Random(seed)
    items = [f"item_{i}" for i in range(max(10, count // 200))]
    users = [f"user_{i}" for i in range(max(10, count // 50))]
    prices = []
    for item in items[len(items) // 10:]:
        moments = chance.sample(range(minutes * 60), chance.randint(1, 2 + minutes // 5))
        prices += [{"item_id": item, "price": chance.randint(1, 40000) / 100, "timestamp": oracle.text(BEGIN + at)} for at in moments]
    purchases = []
    for _ in range(count):
        at = BEGIN + chance.randrange(minutes * 60)
        purchases.append({"user_id": chance.choice(users), "item_id": chance.choice(items), "item_count": chance.randint(1, 5),
                          "timestamp": oracle.text(at)})
    return as_it_arrives(chance, purchases), as_it_arrives(chance, prices)


def write(directory, purchases, prices):
    write_lines(os.path.join(directory, "purchases.json"), purchases)
    write_lines(os.path.join(directory, "prices.json"), prices)
    write_lines(os.path.join(directory, "truth.json"), oracle.rows(purchases, prices))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--purchases", type=int, default=20_000, help="how many (20000)")
    parser.add_argument("--minutes", type=int, default=60, help="of event time (60)")
    parser.add_argument("--seed", type=int, default=1, help="(1)")
    parser.add_argument("--directory", required=True, help="for purchases.json, prices.json and truth.json")
    options = parser.parse_args()
    os.makedirs(options.directory, exist_ok=True)
    write(options.directory, *generate(options.seed, options.purchases, options.minutes))
