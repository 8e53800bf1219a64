#!/usr/bin/env python3
"""Runs the program with tables: CSV files beside files of events and pushed ones, replaced while it runs.

usage: tables_test.py KEYFOLD     last line: `N passed, N failed`
"""

import json
import os
import subprocess
import sys
import tempfile
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from checks import check, summary  # noqa: E402
from stack import Client, Keyfold, free_port  # noqa: E402


def write(path, text):
    """Replaces a file as a whole."""
    with open(path + ".new", "w") as f:
        f.write(text)
    os.rename(path + ".new", path)


def definition(folder, source, **serving):
    return {
        "application": "checkouts",
        "tables": [{"name": "users", "source": {"type": "csv", "path": f"{folder}/users.csv", "settle": "50ms"},
                    "fields": {"id": "int32", "username": "string"}, "key": ["id"], "max_bad_rows": 5}],
        "streams": [{
            "name": "checkouts", "source": source, "event_time": "at",
            "fields": {"checkout_id": "string", "user_id": "int32", "at": "timestamp"},
            "lookups": [{"table": "users", "key": ["user_id"], "fields": {"user_name": "username"}}],
            "derived": {"shown": "COALESCE(user_name, 'nobody')"}}],
        "entities": [{"name": "checkout", "key": ["checkout_id"]}],
        "views": [{"name": "named", "type": "latest", "entity": "checkout", "stream": "checkouts",
                   "columns": ["user_id", "user_name", "shown"]}],
        "outputs": [{"name": "out", "type": "file", "path": f"{folder}/out.jsonl", "views": ["named"], "every_change": True}],
        "ledger": {"path": f"{folder}/keyfold.db", "epoch_interval": "50ms"},
        "serving": serving or {"enabled": False},
    }


def in_folder(folder, name, made):
    path = os.path.join(folder, name)
    with open(path, "w") as f:
        json.dump(made, f)
    return path


def lines_of(path):
    with open(path) as f:
        return [json.loads(line) for line in f]


def bounded(program, folder):
    """Events of a file, to their end."""
    with open(f"{folder}/events.jsonl", "w") as f:
        for number, user in enumerate((1, 2, 100)):
            f.write(json.dumps({"checkout_id": f"c{number}", "user_id": user, "at": f"2024-01-01T00:00:0{number}Z"}) + "\n")
    path = in_folder(folder, "bounded.json", definition(folder, {"type": "file", "path": f"{folder}/events.jsonl"}))

    def run():
        return subprocess.run([program, "run", "--exit-at-end", path], capture_output=True, text=True, timeout=60)

    done = run()
    check("a missing table stops the start with the remedy",
          done.returncode == 1 and "is not there: put the file there" in done.stderr, done.stderr)
    write(f"{folder}/users.csv", "id,username\n1,ann\n2,bob\nthree,eve\n")
    done = run()
    check("the run ends", done.returncode == 0, done.stderr)
    rows = {x["key"]["checkout_id"]: x["value"] for x in lines_of(f"{folder}/out.jsonl")}
    check("checkouts have their users' names; an unknown one has none", rows == {
        "c0": {"user_id": 1, "user_name": "ann", "shown": "ann"}, "c1": {"user_id": 2, "user_name": "bob", "shown": "bob"},
        "c2": {"user_id": 100, "user_name": None, "shown": "nobody"}}, rows)
    letters = lines_of(f"{folder}/keyfold.db.dead-letters.jsonl")
    check("the bad row is a dead letter", len(letters) == 1 and letters[0]["key"]["stream"] == "table users"
          and letters[0]["key"]["place"].endswith("users.csv:4") and letters[0]["value"]["payload"] == "three,eve", letters)
    for command in ("check", "explain"):
        done = subprocess.run([program, command, path], capture_output=True, text=True, timeout=60)
        check(f"{command} takes the definition", done.returncode == 0, done.stderr)
    check("explain shows the table and the lookup", "table users by id" in done.stdout
          and "looks up user_name string in table users by user_id" in done.stdout, done.stdout)


def served(program, folder):
    """Events pushed while the table's file changes."""
    port = free_port()
    write(f"{folder}/users.csv", "id,username\n1,ann\n")
    path = in_folder(folder, "served.json", definition(folder, {"type": "http_push"}, port=port))
    client = Client(port)
    pushed = 0

    def name_of_next():
        nonlocal pushed
        pushed += 1
        row = {"checkout_id": f"p{pushed}", "user_id": 1, "at": f"2024-01-01T00:00:{pushed:02}Z"}
        body = json.dumps({"stream": "checkouts", "rows": [row]}).encode()
        request = urllib.request.Request(f"{client.base}/push", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 200, answer.status
        return (client.entity("checkout", f"p{pushed}") or {}).get("user_name")

    def metric(name):
        for line in client.get("/metrics")[1].splitlines():
            if line.startswith(name):
                return float(line.split()[-1])
        return None

    with Keyfold(program, path, log=f"{folder}/log") as running:
        running.wait_until(client.ready, 30, "readiness")
        check("a row has what the table says", name_of_next() == "ann")
        tables = json.loads(client.get("/v1/definitions")[1])["tables"]
        check("the definitions list the table", tables == [{"name": "users", "key": ["id"], "fields": [
            {"name": "id", "type": "int32"}, {"name": "username", "type": "string"}]}], tables)
        write(f"{folder}/users.csv", "id,username\n1,anna\n")
        running.wait_until(lambda: metric("keyfold_table_version{") == 2, 30, "second version")
        check("a row has what the table says now", name_of_next() == "anna")
        check("and the one before what it said then",
              client.entity("checkout", "p1").get("user_name") == "ann")
        write(f"{folder}/users.csv", "number,username\n1,bad\n")
        failed = 'keyfold_table_failed_loads_total{reason="unreadable",table="users"}'
        running.wait_until(lambda: metric(failed) == 1, 30, "failed load")
        check("a bad file changes nothing", name_of_next() == "anna" and client.ready())
        check("the age of the rows is shown", metric("keyfold_table_age_seconds{") is not None)
        check("it stops in good order", running.stop() == 0)


def main():
    for part in (bounded, served):
        with tempfile.TemporaryDirectory() as folder:
            part(sys.argv[1], folder)
    sys.exit(summary())


main()
