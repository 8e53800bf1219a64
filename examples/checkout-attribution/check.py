#!/usr/bin/env python3
"""Runs the example and checks all that it publishes and serves.

Clicks and checkouts are generated, up to 15 s out of order. Midway, while keyfold runs, users change their names: users.csv is replaced.
Every checkout must have its row, those of a chain must owe the chain's first click, and all columns must be those that oracle.py computes;
so must the features that users show over HTTP. On files, or with --kafka between topics of a real broker. Exit status 1 if anything
differs.
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../support"), HERE]
import generate  # noqa: E402
import oracle  # noqa: E402
from example import Comparison, Example, main, places  # noqa: E402

INPUTS, OUTPUT = ("clicks", "checkouts"), "attributed_checkouts"


def halves(rows):
    return rows[:len(rows) // 2], rows[len(rows) // 2:]


def fold(example, place, events, users):
    """Appends half of the events, changes the users, appends the other half; returns when all have been folded."""
    appended = 0
    for clicks, checkouts, names in zip(halves(events.clicks), halves(events.checkouts), users):
        if appended:
            loaded = example.metric("keyfold_table_loads_total", table="users")
            generate.write_users(example.environment["USERS"], names)
            example.wait_until(lambda: example.metric("keyfold_table_loads_total", table="users") > loaded, "new users")
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


def run(options, place):
    place = place("generated", partitions=3)
    events = generate.generate(options.seed, options.chains)
    users = events.users()
    path = os.path.join(place.directory, "users.csv")
    generate.write_users(path, users[0])
    definition = "kafka.json" if options.kafka else "definition.json"
    example = Example(options.keyfold, os.path.join(HERE, definition), place.directory, USERS=path, **place.environment)
    early = {checkout["checkout_id"] for checkout in halves(events.checkouts)[0]}
    rows = oracle.rows(events.clicks, events.checkouts, lambda checkout: users[0 if checkout["checkout_id"] in early else 1])
    with example.serving() as client:
        fold(example, place, events, users)
        failed = check_lookups(place, client, rows)
    example.fold_all()
    published = place.rows()
    comparison = Comparison("rows published, to the end")
    comparison.rows(published, [row for _, _, row in rows.values()])
    failed += comparison.report() + check_chains(published, events.truth)
    print(f"  {len(published)} checkouts: {sum(row['click_id'] is None for row in published)} owe no click, "
          f"{sum(row['user_name'] is None for row in published)} are of unknown users, "
          f"{sum('(renamed)' in (row['user_name'] or '') for row in published)} of users with a new name")
    return failed


if __name__ == "__main__":
    main("checkout-attribution", __doc__, *places(run, INPUTS, OUTPUT),
         lambda parser: parser.add_argument("--chains", type=int, default=5000, help="how many (5000)"))
