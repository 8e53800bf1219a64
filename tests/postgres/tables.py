#!/usr/bin/env python3
"""Runs the program with a replicated table: killed, resumed, put back to an older ledger. What it knows of the table is in its ledger.

usage: tables.py KEYFOLD     last line: `N passed, N failed[, N skipped]`
"""

import glob
import json
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../support"), os.path.join(HERE, "../servers")]
import postgres  # noqa: E402
from checks import check, eventually, summary  # noqa: E402
from stack import Client, Keyfold, free_port  # noqa: E402

USERS = 3000


def definition(folder, url):
    return {
        "application": "tables",
        "tables": [{"name": "users", "key": ["id"], "fields": {"id": "int32", "username": "string"},
                    "source": {"type": "postgres", "url": url, "password": postgres.PASSWORD, "table": "users", "mode": "replicated"}}],
        "streams": [{"name": "events", "source": {"type": "http_push"}, "event_time": "at",
                     "fields": {"id": {"type": "string", "required": True}, "user_id": "int32", "at": {"type": "timestamp", "required": True}},
                     "lookups": [{"table": "users", "key": ["user_id"], "fields": {"user_name": "username"}}]}],
        "entities": [{"name": "event", "key": ["id"]}],
        "views": [{"name": "named", "type": "latest", "entity": "event", "stream": "events", "columns": ["user_name"]}],
        "ledger": {"path": f"{folder}/keyfold.db", "epoch_interval": "50ms"},
        "serving": {"port": free_port()},
    }


class Run:
    """One process after the other over the same ledger; each is asked for names by events that look them up."""

    def __init__(self, program, folder, server):
        self.program, self.folder, self.server, self.asked = program, folder, server, 0
        made = definition(folder, server.url)
        self.ledger = made["ledger"]["path"]
        self.client = Client(made["serving"]["port"])
        with open(f"{folder}/definition.json", "w") as f:
            json.dump(made, f)

    def start(self):
        process = Keyfold(self.program, f"{self.folder}/definition.json", log=f"{self.folder}/log")
        process.wait_until(self.client.ready, 60, "ready")
        return process

    def names(self, *users):
        """Of users, as the table has them now."""
        out = []
        self.asked += 1
        rows = [{"id": f"{self.asked}-{user}", "user_id": user, "at": f"2024-01-01T00:00:00.{self.asked:06}Z"} for user in users]
        self.client.push("events", rows)
        for row in rows:
            eventually(lambda: self.client.entity("event", row["id"]) is not None)
            out.append(self.client.entity("event", row["id"])["user_name"])
        return out

    def has(self, **names):
        users = [int(key[1:]) for key in names]
        return eventually(lambda: self.names(*users) == list(names.values()))

    def metric(self, name):
        found = re.search(rf'^keyfold_postgres_table_{name}_total{{[^}}]*}} (\S+)$', self.client.get("/metrics")[1], re.M)
        return float(found[1]) if found else None

    def counted(self, what, resumes, snapshots):
        found = self.metric("resumes"), self.metric("snapshots")
        check(what, found == (resumes, snapshots), f"resumed {found[0]}, read {found[1]} times")

    def state(self, *arguments):
        done = subprocess.run([self.program, "state", self.ledger, *arguments], capture_output=True, text=True)
        return done.stdout + done.stderr

    def rows_in_ledger(self):
        """How many the summary says, and up to where."""
        found = re.search(r"^users +(\d+) +\d+ +(.+?) *$", self.state(), re.M)
        return (int(found[1]), found[2]) if found else (None, None)

    def whole(self, rows):
        return eventually(lambda: self.rows_in_ledger()[0] == rows and "/" in self.rows_in_ledger()[1])


def rename(server, user, name):
    server.sql(f"UPDATE users SET username = '{name}' WHERE id = {user}")


def kills(run):
    server = run.server
    with run.start() as process:
        run.counted("the first start reads the table", 0, 1)
        check("names are those of the table", run.has(u1="user 1", u5000=None))
        check("all rows are in the ledger", run.whole(USERS), run.rows_in_ledger())
        rename(server, 1, "while running")
        server.sql("DELETE FROM users WHERE id = 2; INSERT INTO users VALUES (5000, 'new')")
        check("changes count at once", run.has(u1="while running", u2=None, u5000="new"))
        process.kill()
    rename(server, 3, "while down")
    server.sql("UPDATE users SET id = 6000 WHERE id = 4")
    with run.start() as process:
        run.counted("after kill -9 it is not read anew", 1, 0)
        check("changes before the kill, and while the process was down, are there",
              run.has(u1="while running", u2=None, u3="while down", u4=None, u6000="user 4", u5000="new"))
        check("... also in the ledger", run.whole(USERS), run.rows_in_ledger())
        server.sql("BEGIN; UPDATE users SET username = 'half'; ROLLBACK; UPDATE users SET username = username || '!'")
        check("a change of all rows", run.has(u1="while running!", u2999="user 2999!"))
        process.kill()  # at no moment in particular
    for number in range(5):
        with run.start() as process:
            server.sql(f"UPDATE users SET username = 'round {number}, ' || id WHERE id % 3 = {number % 3}; DELETE FROM users WHERE id = {10 + number}")
            time.sleep(0.04 * number)
            process.kill()
    with run.start() as process:
        run.counted("killed in the midst of changes it is not read anew", 1, 0)
        wanted = {f"u{user}": server.sql(f"SELECT username FROM users WHERE id = {user}") or None for user in (9, 10, 11, 12, 13, 14, 15)}
        check("... and has what the table has", run.has(**wanted), wanted)
        rows = int(server.sql("SELECT count(*) FROM users"))
        check("... as has the ledger", run.whole(rows), (run.rows_in_ledger(), rows))
        check("ends in good order", process.stop() == 0, process.tail())


def slot(server):
    return server.sql("SELECT slot_name FROM pg_replication_slots")


def read_anew(run):
    server = run.server
    rows = int(server.sql("SELECT count(*) FROM users"))
    with sqlite3.connect(run.ledger) as of, sqlite3.connect(f"{run.folder}/older.db") as copy:
        of.backup(copy)
    with run.start() as process:
        run.counted("after a stop in good order it resumes", 1, 0)
        before = run.rows_in_ledger()
        rename(server, 1, "later")
        check("a change moves the ledger on", eventually(lambda: run.rows_in_ledger() != before), before)
        check("ends in good order", process.stop() == 0, process.tail())
    rename(server, 3, "passed over")
    server.sql(f"SELECT pg_replication_slot_advance('{slot(server)}', pg_current_wal_lsn())")
    with run.start() as process:
        run.counted("a slot that somebody has moved on: the table is read anew", 0, 1)
        check("... and is right", run.has(u1="later", u3="passed over"))
        check("... and whole in the ledger", run.whole(rows), run.rows_in_ledger())
        rename(server, 1, "latest")
        check("... and goes on", run.has(u1="latest"))
        process.stop()
    for name in glob.glob(f"{run.ledger}*"):
        os.unlink(name)
    os.rename(f"{run.folder}/older.db", run.ledger)
    with run.start() as process:
        run.counted("an older copy of the ledger: the table is read anew", 0, 1)
        check("... and is right", run.has(u1="latest"))
        check("... and whole in the ledger", run.whole(rows), run.rows_in_ledger())
        process.stop()
    server.sql("DROP TABLE users; CREATE TABLE users (id int PRIMARY KEY, username text); INSERT INTO users VALUES (1, 'anew')")
    with run.start() as process:
        run.counted("a table that was made anew is read anew", 0, 1)
        check("... and is right", run.has(u1="anew", u9=None))
        check("... and the old rows have left the ledger", run.whole(1), run.rows_in_ledger())
        process.stop()


def unpublished(run):
    """While the table is in no publication its changes are missing from the slot: going on there would lose them."""
    server = run.server
    publication = server.sql("SELECT pubname FROM pg_publication")
    server.sql(f"DROP PUBLICATION {publication}")
    rename(server, 1, "unheard of")
    server.sql("CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not today'; END $$; "
               "CREATE EVENT TRIGGER refusal ON ddl_command_start WHEN TAG IN ('CREATE PUBLICATION') EXECUTE FUNCTION refuse()")
    with Keyfold(run.program, f"{run.folder}/definition.json", log=f"{run.folder}/log") as process:
        check("a slot that lacks changes is dropped before the publication is made", eventually(lambda: slot(server) == ""), slot(server))
        process.kill()
    server.sql(f"DROP EVENT TRIGGER refusal; CREATE PUBLICATION {publication} FOR TABLE users")
    with run.start() as process:
        run.counted("the publication was made by somebody else meanwhile: the table is read anew", 0, 1)
        check("... and is right", run.has(u1="unheard of"))
        process.stop()
    server.sql(f"DROP PUBLICATION {publication}")
    rename(server, 1, "unheard of again")
    with run.start() as process:
        run.counted("a publication that is gone is made, and the table read anew", 0, 1)
        check("... and is right", run.has(u1="unheard of again"))
        rename(server, 1, "heard of")
        check("... and goes on", run.has(u1="heard of"))
        process.stop()


def idle(run):
    server = run.server
    server.sql("CREATE TABLE other (id int)")
    with run.start() as process:
        def epoch():
            return re.search(r"^keyfold_epoch (\S+)$", run.client.get("/metrics")[1], re.M)[1]

        time.sleep(1)
        before = epoch()
        for number in range(10):
            server.sql(f"INSERT INTO other VALUES ({number})")
            time.sleep(0.1)
        check("an idle pipeline makes no epochs because the server's log moves on", epoch() == before, (before, epoch()))
        position = run.rows_in_ledger()[1]
        server.sql("INSERT INTO other SELECT n FROM generate_series(1, 400000) AS n")
        check("after much log the position goes on", eventually(lambda: run.rows_in_ledger()[1] != position), position)
        check("positions show it", "table users" in run.state("--positions"), run.state("--positions"))
        check("a table is no entity", "has no entity" in run.state("--entity", "table users"))
        process.stop()
    check("nothing lies beside the ledger", not glob.glob(f"{run.ledger}.table-*"))


def ahead(run):
    """Killed while the ledger has some rows of a change and not the others: long values that the server does not send again must not be mixed up."""
    server = run.server
    server.sql("DROP TABLE users; CREATE TABLE users (id int PRIMARY KEY, username text); ALTER TABLE users ALTER username SET STORAGE EXTERNAL; "
               "INSERT INTO users SELECT n, repeat('a', 12000) || n FROM generate_series(0, 4999) AS n")
    with run.start() as process:
        check("long rows are in the ledger", run.whole(5000), run.rows_in_ledger())
        with sqlite3.connect(f"file:{run.ledger}?mode=ro", uri=True) as ledger:
            def rows_are_ahead():
                return ledger.execute("SELECT count(*) FROM position WHERE partition = 'ahead'").fetchone()[0] == 1

            server.sql("BEGIN; UPDATE users SET username = repeat('b', 12000) || id; UPDATE users SET id = id + 10000; "
                       "INSERT INTO users SELECT n, repeat('c', 12000) || n FROM generate_series(0, 4999) AS n; COMMIT")
            check("an epoch takes a part of the rows", eventually(rows_are_ahead, pause=0.001))
            process.kill()
            check("... and the crash finds it so", rows_are_ahead())
    with run.start() as process:
        check("every row has its own long value",
              run.has(u1="c" * 12000 + "1", u4999="c" * 12000 + "4999", u10001="b" * 12000 + "1", u14999="b" * 12000 + "4999"))
        check("the ledger has caught up", run.whole(10000), run.rows_in_ledger())
        run.counted("the table was read anew", 1, 1)
        process.stop()
    with run.start() as process:
        run.counted("... once", 1, 0)
        process.stop()


def main():
    with tempfile.TemporaryDirectory() as folder:
        try:
            server = postgres.Server(folder)
        except postgres.Unavailable as reason:
            print(f"skipped: replicated tables of PostgreSQL: {reason}")
            print("0 passed, 0 failed, 1 skipped")
            return 0
        with server:
            server.sql("CREATE TABLE users (id int PRIMARY KEY, username text); "
                       f"INSERT INTO users SELECT n, 'user ' || n FROM generate_series(0, {USERS - 1}) AS n")
            run = Run(sys.argv[1], folder, server)
            kills(run)
            read_anew(run)
            unpublished(run)
            idle(run)
            ahead(run)
    return summary()


if __name__ == "__main__":
    sys.exit(main())
