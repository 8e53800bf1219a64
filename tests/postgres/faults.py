#!/usr/bin/env python3
"""Runs the program with an output to a PostgreSQL behind a proxy that fails in every way, beside an output to a file.

usage: faults.py KEYFOLD     last line: `N passed, N failed[, N skipped]`
"""

import json
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../support"), os.path.join(HERE, "../servers")]
import postgres  # noqa: E402
from checks import check, eventually, summary  # noqa: E402
from fault_proxy import TO_CLIENT, FaultProxy  # noqa: E402
from stack import Client, Keyfold, free_port  # noqa: E402

USERS = 500


def definition(folder, url, table):
    return {
        "application": "faults",
        "streams": [{"name": "events", "source": {"type": "file", "path": f"{folder}/events.json", "follow": True}, "event_time": "at",
                     "fields": {"user": {"type": "string", "required": True}, "n": "int64", "at": {"type": "timestamp", "unit": "ms", "required": True}}}],
        "entities": [{"name": "user", "key": ["user"]}],
        "views": [{"name": "totals", "type": "aggregate", "entity": "user", "stream": "events",
                   "aggregates": [{"name": "events", "function": "count"}, {"name": "sum", "function": "sum", "expression": "n"}]}],
        "outputs": [
            {"name": "database", "type": "postgres", "url": url, "password": postgres.PASSWORD, "table": table, "views": ["totals"],
             "columns": {"user": "user", "events": "events", "sum": "sum"}, "timeout": "2s", "batch_rows": 100},
            {"name": "file", "type": "file", "path": f"{folder}/out.jsonl", "views": ["totals"]}],
        "ledger": {"path": f"{folder}/keyfold.db", "epoch_interval": "50ms"},
        "serving": {"port": free_port()},
    }


class Run:
    def __init__(self, folder, server, proxy):
        self.folder, self.server, self.proxy, self.written = folder, server, proxy, 0
        made = definition(folder, server.url_at(proxy.port), "totals")
        self.client = Client(made["serving"]["port"])
        with open(f"{folder}/definition.json", "w") as f:
            json.dump(made, f)
        self.append(0)

    def append(self, rows):
        with open(f"{self.folder}/events.json", "a") as f:
            for n in range(self.written, self.written + rows):
                f.write(json.dumps({"user": f"u{n % USERS}", "n": n, "at": 1_700_000_000_000 + n}) + "\n")
        self.written += rows

    # The newest event waits for the next one: another of its time may yet come.

    def arrived(self):
        have = self.server.sql("SELECT coalesce(sum(events), 0), coalesce(sum(sum), 0) FROM totals")
        return have == f"{self.written - 1}|{(self.written - 1) * (self.written - 2) // 2}"

    def in_file(self):
        newest = {}
        with open(f"{self.folder}/out.jsonl") as f:
            for line in f:
                row = json.loads(line)
                newest[row["key"]["user"]] = row["value"]["events"]
        return sum(newest.values()) == self.written - 1

    def reason(self):
        return self.client.get("/ready")[1]


def fault(run, name, begin, end, said=None):
    """While the fault lasts the file goes on and `/ready` says why; afterwards everything arrives."""
    begin()
    run.append(5000)
    check(f"{name}: the other output goes on", eventually(run.in_file))
    if said:
        check(f"{name}: /ready says why", eventually(lambda: said in run.reason()), run.reason())
    end()
    check(f"{name}: everything arrives by itself", eventually(run.arrived), run.reason())
    check(f"{name}: ready again", eventually(run.client.ready), run.reason())


def faults(run):
    proxy, server = run.proxy, run.server
    run.append(5000)
    check("without a fault everything arrives", eventually(run.arrived), run.reason())
    fault(run, "cut", proxy.cut, proxy.heal, "refused")
    fault(run, "stall", proxy.stall, proxy.heal, "has not answered for 2 s")
    fault(run, "slow", lambda: proxy.slow(latency=0.02, bytes_per_second=200_000), proxy.heal)
    fault(run, "reset while a batch is sent", lambda: proxy.reset(after=4000, times=3), proxy.heal)
    fault(run, "reset in an answer", lambda: proxy.reset(after=300, times=3, direction=TO_CLIENT), proxy.heal)
    fault(run, "half open", proxy.half_open, proxy.heal)
    fault(run, "restart", server.stop, server.start, "database")
    fault(run, "kill", server.kill, server.start, "database")
    fault(run, "missing table", lambda: server.sql("ALTER TABLE totals RENAME TO hidden"),
          lambda: server.sql("ALTER TABLE hidden RENAME TO totals"), "there is no such table: CREATE TABLE")
    fault(run, "missing column", lambda: server.sql("ALTER TABLE totals RENAME sum TO other"),
          lambda: server.sql("ALTER TABLE totals RENAME other TO sum"), "no column `sum`")
    status, metrics = run.client.get("/metrics")
    failed = [line for line in metrics.splitlines() if line.startswith("keyfold_postgres_output_transactions_total") and "failed" in line]
    check("failures were counted", bool(failed) and float(failed[0].rpartition(" ")[2]) >= 1, failed)
    with open(f"{run.folder}/log") as f:
        log = f.read()
    check("no password in the log", postgres.PASSWORD not in log)


def main():
    with tempfile.TemporaryDirectory() as folder:
        try:
            server = postgres.Server(folder)
        except postgres.Unavailable as reason:
            print(f"skipped: faults of PostgreSQL: {reason}")
            print("0 passed, 0 failed, 1 skipped")
            return 0
        with server, FaultProxy("127.0.0.1", server.port) as proxy:
            server.sql('CREATE TABLE totals ("user" text PRIMARY KEY, events bigint, sum bigint)')
            run = Run(folder, server, proxy)
            with Keyfold(sys.argv[1], f"{folder}/definition.json", log=f"{folder}/log") as process:
                faults(run)
                check("ends in good order", process.stop() == 0, process.tail())
    return summary()


if __name__ == "__main__":
    sys.exit(main())
