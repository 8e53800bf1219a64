#!/usr/bin/env python3
"""Runs the example and checks all that it publishes and serves.

Clicks and checkouts are generated, up to 15 s out of order. Midway, while keyfold runs, users change their names: users.csv is replaced.
Every checkout must have its row, those of a chain must owe the chain's first click, and all columns must be those that oracle.py computes;
so must the features that users show over HTTP. On files, with --kafka between topics of a real broker, or with --real from there, with
the users and the attributed checkouts in tables of a real PostgreSQL, watched by a real Prometheus. Exit status 1 if anything differs.
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../support"), HERE]
import generate  # noqa: E402
import oracle  # noqa: E402
import monitoring  # noqa: E402
import postgres  # noqa: E402
from example import Comparison, Example, Topics, main, places  # noqa: E402
from stack import Broker  # noqa: E402

INPUTS, OUTPUT = ("clicks", "checkouts"), "attributed_checkouts"


def halves(rows):
    return rows[:len(rows) // 2], rows[len(rows) // 2:]


class UsersFile:
    """The users' table as a CSV file."""

    def __init__(self, place):
        self.path = os.path.join(place.directory, "users.csv")
        self.environment = {"USERS": self.path}

    def put(self, users):
        generate.write_users(self.path, users)

    def change(self, example, _, users):
        """Returns when keyfold knows the changes."""
        loaded = example.metric("keyfold_table_loads_total", table="users")
        self.put(users)
        example.wait_until(lambda: example.metric("keyfold_table_loads_total", table="users") > loaded, "new users")


class UsersTable:
    """The users' table as one of PostgreSQL."""

    environment = {}

    def __init__(self, place):
        self.server = place.server

    def put(self, users):
        rows = ",".join(f"({i},{postgres.literal(name)},{postgres.literal(password)})" for i, (name, password) in users.items())
        self.server.sql(f"INSERT INTO commerce.users VALUES {rows}")

    def change(self, example, before, users):
        """As the shop does: an UPDATE for each name that changes."""
        changed = {i: name for i, (name, _) in users.items() if before[i][0] != name}
        self.server.sql("".join(f"UPDATE commerce.users SET username = {postgres.literal(name)} WHERE id = {i};" for i, name in changed.items()))
        example.wait_until(lambda: (example.metric("keyfold_postgres_table_changes_total", table="users") or 0) >= len(changed), "new users")


class Tables(Topics):
    """Events in topics, and the rows published in a table."""

    users = UsersTable
    definition = "postgres.json"

    def __init__(self, directory, broker, server, partitions):
        super().__init__(directory, INPUTS, OUTPUT, broker, partitions)
        self.server = server
        self.environment |= {"POSTGRES": server.url, "POSTGRES_PASSWORD": postgres.PASSWORD}
        with open(os.path.join(HERE, "tables.sql")) as f:
            server.sql(f.read())

    def rows(self):
        return [oracle.as_published(row) for row in self.server.rows("commerce.attributed_checkouts")]


def fold(example, place, events, users, table):
    """Appends half of the events, changes the users, appends the other half; returns when all have been folded."""
    appended = 0
    for clicks, checkouts in zip(halves(events.clicks), halves(events.checkouts)):
        if appended:
            table.change(example, *users)
        place.append("clicks", clicks)
        place.append("checkouts", checkouts)
        appended += len(clicks) + len(checkouts)
        example.wait_until(example.folded("attribution", appended), "all events")


def check_lookups(place, client, rows):
    """The features of all users at the moment that event time has come to."""
    comparison = Comparison("lookups over HTTP")
    watermark = place.watermark(lambda row: (oracle.moment(row) - oracle.EPOCH).total_seconds(), generate.MAX_DELAY)
    decided = {user: [] for user in range(0, 101)}
    for at, user, row in rows.values():
        if (at - oracle.EPOCH).total_seconds() <= watermark:
            decided[user].append((at, user, row))
    for user, of_user in decided.items():
        want = oracle.features(of_user)

        def have(user=str(user), want=want):
            shown = client.entity("user", user) or {}
            return {name: shown.get(name) for name in want}
        comparison.eventually(f"user {user}", have, want)
    return comparison.report()


def check_chains(published, truth):
    comparison = Comparison("checkouts of chains, by the first click")
    owed = {row["checkout_id"]: row["click_id"] for row in published}
    for checkout in truth:
        comparison.value(f"checkout {checkout['checkout_id']}", owed.get(checkout["checkout_id"]), checkout["click_id"])
    return comparison.report()


def run(options, place, watched=lambda example: 0):
    place = place("generated", partitions=3)
    events = generate.generate(options.seed, options.chains)
    users = events.users()
    table = getattr(place, "users", UsersFile)(place)
    table.put(users[0])
    definition = getattr(place, "definition", "kafka.json" if options.kafka else "definition.json")
    example = Example(options.keyfold, os.path.join(HERE, definition), place.directory, **table.environment, **place.environment)
    early = {checkout["checkout_id"] for checkout in halves(events.checkouts)[0]}
    rows = oracle.rows(events.clicks, events.checkouts, lambda checkout: users[0 if checkout["checkout_id"] in early else 1])
    with example.serving() as client:
        fold(example, place, events, users, table)
        failed = check_lookups(place, client, rows) + watched(example)
    example.fold_all()
    published = place.rows()
    comparison = Comparison("rows published, to the end")
    comparison.rows(published, [row for _, _, row in rows.values()])
    failed += comparison.report() + check_chains(published, events.truth)
    print(f"  {len(published)} checkouts: {sum(row['click_id'] is None for row in published)} owe no click, "
          f"{sum(row['user_name'] is None for row in published)} are of unknown users, "
          f"{sum('(renamed)' in (row['user_name'] or '') for row in published)} of users with a new name")
    return failed


def on_real(options, directory):
    with Broker(directory) as broker, postgres.Server(directory) as server:
        return run(options, lambda name, partitions: Tables(os.path.join(directory, name), broker, server, partitions),
                   lambda example: monitoring.check(example, directory))


if __name__ == "__main__":
    main("checkout-attribution", __doc__, *places(run, INPUTS, OUTPUT),
         lambda parser: parser.add_argument("--chains", type=int, default=5000, help="how many (5000)"), on_real)
