#!/usr/bin/env python3
"""Writes clicks, checkouts, users.csv as it is at first and after some users have changed their names (users-changed.csv), and the click
that each checkout of a chain owes (truth.json). The same options give the same events.

A chain is a user's way with one product: a click; then, while a coin (51 %) says so, one more click and a checkout. There are users 0
to 99, and events of users 1 to 100: user 100 is unknown.
"""

import argparse
import datetime
import os
import random
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../support"), HERE]
from example import write_lines  # noqa: E402

BEGIN = datetime.datetime(2024, 3, 1)
MAX_DELAY = 15  # seconds that an event may come late, as max_delay of the definition
AGENTS = ("Mozilla/5.0 (X11; Linux x86_64)", "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X)", "Opera/9.80 (Windows NT 6.1; U)")
METHODS = ("card", "transfer", "invoice", "voucher")
STREETS = ("Mill Lane", "Station Road", "Church Street", "High Street", "Park Avenue")
PRODUCTS = ("lamp", "kettle", "chair", "tent", "scarf", "globe")


class Generator:
    def __init__(self, seed):
        self.chance = random.Random(seed)
        self.clicks, self.checkouts, self.truth = [], [], []

    def identifier(self):
        return f"{self.chance.getrandbits(128):032x}"

    def at(self, moment):
        return (BEGIN + datetime.timedelta(milliseconds=moment)).isoformat(" ", "milliseconds")

    def visitor(self, user, product, moment):
        return {"user_id": user, "product_id": product, "user_agent": self.chance.choice(AGENTS),
                "ip_address": ".".join(str(self.chance.randint(1, 254)) for _ in range(4)), "datetime_occured": self.at(moment)}

    def click(self, user, product, moment):
        event = {"click_id": self.identifier(), **self.visitor(user, product, moment), "product": self.chance.choice(PRODUCTS),
                 "price": self.chance.randint(100, 99999) / 100, "url": f"https://shop.example/{product}"}
        self.clicks.append(event)
        return event["click_id"]

    def checkout(self, user, product, moment):
        street = f"{self.chance.randint(1, 99)} {self.chance.choice(STREETS)}"
        event = {"checkout_id": self.identifier(), **self.visitor(user, product, moment),
                 "payment_method": self.chance.choice(METHODS), "total_amount": self.chance.randint(100, 99999) / 100,
                 "shipping_address": street, "billing_address": street}
        self.checkouts.append(event)
        return event["checkout_id"]

    def chain(self, span):
        """All of it within an hour, so that every checkout owes the first click."""
        user, product, moment = self.chance.randint(1, 100), self.identifier(), self.chance.randrange(span)
        first = self.click(user, product, moment)
        for _ in range(25):
            if self.chance.random() >= 0.51:
                break
            moment += self.chance.randint(1, 60_000)
            self.click(user, product, moment)
            moment += self.chance.randint(1, 60_000)
            self.truth.append({"checkout_id": self.checkout(user, product, moment), "click_id": first})

    def edges(self, span):
        """What chains do not try: exactly an hour, a millisecond more, clicks after the checkout, of others, of another product."""
        hour, user, other = 3_600_000, self.chance.randint(1, 99), self.chance.randint(1, 99)
        moment, product = self.chance.randrange(span), self.identifier()
        for before in self.chance.sample((-1, 0, 1, hour - 1, hour, hour + 1), 2):
            self.click(user, product, moment - before)
        self.click(user, self.identifier(), moment)
        self.click(other if other != user else 100, product, moment - 1)
        self.checkout(user, product, moment)

    def arrive(self, events):
        """In the order of arrival: up to MAX_DELAY late."""
        def arrival(event):
            return datetime.datetime.fromisoformat(event["datetime_occured"]) + datetime.timedelta(seconds=self.chance.uniform(0, MAX_DELAY))
        return sorted(events, key=arrival)

    def users(self):
        """The table before and after the changes: id -> name and password. About 11 % of the names change."""
        before = {i: (f"user {i}" if i % 7 else f'"{i}", the user', self.identifier()) for i in range(100)}
        after = {i: (f"{name} (renamed)" if self.chance.random() < 0.11 else name, password) for i, (name, password) in before.items()}
        return before, after


def write_users(path, users):
    """At once, as a table that is being read must be replaced."""
    with open(path + ".new", "w") as f:
        f.write("id,username,password\n")
        for i, (name, password) in users.items():
            f.write('{},"{}",{}\n'.format(i, name.replace('"', '""'), password))
    os.replace(path + ".new", path)


def generate(seed, chains):
    """A Generator with its clicks and checkouts in the order of arrival; one event in ten belongs to an edge."""
    made = Generator(seed)
    span = chains * 5_000  # milliseconds: a chain every five seconds
    for _ in range(chains):
        made.chain(span)
        if made.chance.random() < 0.1:
            made.edges(span)
    made.clicks, made.checkouts = made.arrive(made.clicks), made.arrive(made.checkouts)
    return made


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chains", type=int, default=5000, help="how many (5000)")
    parser.add_argument("--seed", type=int, default=1, help="(1)")
    parser.add_argument("--directory", required=True, help="for clicks.json, checkouts.json, users.csv, users-changed.csv and truth.json")
    options = parser.parse_args()
    os.makedirs(options.directory, exist_ok=True)
    events = generate(options.seed, options.chains)
    for name in ("clicks", "checkouts", "truth"):
        write_lines(os.path.join(options.directory, name + ".json"), getattr(events, name))
    for name, table in zip(("users", "users-changed"), events.users()):
        write_users(os.path.join(options.directory, name + ".csv"), table)
