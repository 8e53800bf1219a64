"""examples/checkout-attribution with its original ends: users from a table of a real PostgreSQL, rows into another one. All rows are
determined by the events; beside the table by checkout, one without a key shows what would be doubled."""

import json
import os

from systems import checkout_attribution, examples
from verdict import Verdict

folder = checkout_attribution.folder
import oracle  # noqa: E402
import postgres  # noqa: E402

APPENDED = "commerce.appended_checkouts"


class CheckoutAttributionPostgres(checkout_attribution.CheckoutAttribution):
    file = "postgres.json"
    scenarios = ("kills", "ledger-commit", "output-commit", "database-restart", "disk-full")

    def prepare(self):
        self.database = postgres.Server(self.run.directory)
        with open(os.path.join(folder, "tables.sql")) as f:
            self.database.sql(f.read())
        users = ",".join(f"({i},{postgres.literal(name)},{postgres.literal(password)})" for i, (name, password) in self.users.items())
        self.database.sql(f"INSERT INTO commerce.users VALUES {users}; "
                          f"CREATE TABLE {APPENDED} (LIKE commerce.attributed_checkouts)")
        self.environment = {"PREFIX": self.run.name + "-", "POSTGRES": self.database.url, "POSTGRES_PASSWORD": postgres.PASSWORD}

    def adapt(self):
        """Adds the output without a key."""
        with open(self.definition) as f:
            made = json.load(f)
        made["outputs"].append({**made["outputs"][0], "name": "appended", "table": APPENDED})
        del made["outputs"][-1]["key"]
        with open(self.definition, "w") as f:
            json.dump(made, f)

    def verdict(self):
        verdict = Verdict()
        want = [examples.as_text(row) for _, _, row in self.rows.values()]
        for table in ("commerce.attributed_checkouts", APPENDED):
            part = Verdict()
            part.compare_rows(want, [examples.as_text(oracle.as_published(row)) for row in self.database.rows(table)])
            print(f"{self.run.name}, table {table}: {part}", flush=True)
            verdict.add(part)
        with self.run.serving() as client:
            verdict.wrong += self.wrong_over_http(client)
        return verdict

    def close(self):
        self.database.__exit__()
