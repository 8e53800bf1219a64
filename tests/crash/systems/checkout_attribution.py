"""examples/checkout-attribution: a row for every checkout, with the click it owes. All rows are determined by the events."""

import os

from systems import examples
from verdict import Verdict

folder = examples.use("checkout-attribution")
import generate  # noqa: E402
import oracle  # noqa: E402
from example import Comparison  # noqa: E402

EVENTS_OF_A_CHAIN = 3  # about


class CheckoutAttribution:
    file = "kafka.json"

    def __init__(self, run):
        self.run = run
        events = generate.generate(run.options.seed, run.events // EVENTS_OF_A_CHAIN)
        self.users, _ = events.users()
        self.rows = oracle.rows(events.clicks, events.checkouts, lambda _: self.users)
        prefix = run.name + "-"
        self.inputs = {prefix + "clicks": events.clicks, prefix + "checkouts": events.checkouts}
        self.output = prefix + "attributed_checkouts"
        self.prepare()
        self.definition = examples.definition_of(os.path.join(folder, self.file), run)
        self.adapt()
        for topic in (*self.inputs, self.output):
            run.broker.topic(topic, 3)

    def prepare(self):
        """Makes what the definition reads beside the topics, and its environment."""
        self.environment = {"PREFIX": self.run.name + "-", "USERS": os.path.join(self.run.directory, "users.csv")}
        generate.write_users(self.environment["USERS"], self.users)

    def adapt(self):
        """The definition is as it should be."""

    def fill(self, rate):
        lines = examples.interleaved(self.inputs, lambda event: event["datetime_occured"])
        return examples.Feeder(self.run.broker.address, lines, rate)

    def verdict(self):
        verdict = Verdict()
        want = [examples.as_text(row) for _, _, row in self.rows.values()]
        verdict.compare_rows(want, examples.published(self.run, self.output))
        print(f"{self.run.name}, output attributed_checkouts: {verdict}", flush=True)
        with self.run.serving() as client:
            verdict.wrong += self.wrong_over_http(client)
        return verdict

    def wrong_over_http(self, client):
        """The features of all users."""
        served = Comparison(f"{self.run.name}, over HTTP")
        of_users = {}
        for row in self.rows.values():
            of_users.setdefault(row[1], []).append(row)
        for user, rows in of_users.items():
            have = client.entity("user", str(user)) or {}
            for name, value in oracle.features(rows).items():
                served.value(f"user {user} {name}", have.get(name), value)
        return served.report()
