#!/usr/bin/env python3
"""What scripts/demo shows: the counter machine folding a file while its features are looked up over HTTP."""

import argparse
import os
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../../tests/support"), HERE]
import oracle  # noqa: E402
import stack  # noqa: E402

SHOWN = ("view_count_1h", "like_count_1h", "likes_per_view_1h", "view_seconds_1h", "view_creators")


def folded(client):
    """Events that the view `activity` has folded so far."""
    status, text = client.get("/metrics")
    rows = [line for line in text.splitlines() if line.startswith('keyfold_view_rows_total{view="activity"}')]
    return int(float(rows[0].rpartition(" ")[2])) if status == 200 and rows else 0


def show_progress(process, client, events):
    begun, shown = time.monotonic(), 0.0

    def done():
        nonlocal shown
        now, count = time.monotonic(), folded(client)
        if now - shown >= 0.5 or count >= events:
            shown = now
            print(f"  {count:,} of {events:,} events folded", flush=True)
        return count >= events

    process.wait_until(done, 600, "end of the file")
    print(f"folded in {time.monotonic() - begun:.1f} s after the start of the process", flush=True)


def show_table(rows):
    headings = ("user", *SHOWN)
    cells = [headings, *(tuple(f"{x:.4f}" if isinstance(x, float) else "-" if x is None else str(x) for x in row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells)]
    for row in cells:
        print("  " + row[0].ljust(widths[0]) + "".join("  " + cell.rjust(width) for cell, width in zip(row[1:], widths[1:])))


def look_up(client, truth, at):
    """The most active users as keyfold serves them; and how many values are not the oracle's."""
    activity = truth.kept["activity"]
    users = sorted(activity, key=lambda user: (-sum(map(len, activity[user].values())), user))[:10]
    rows, wrong = [], 0
    for user in users:
        have = client.entity("user", user, as_of=at * 1000) or {}
        want = truth.features("activity", user, at)
        wrong += sum(not oracle.same(name, have.get(name), value) for name, value in want.items())
        rows.append((user, *(have.get(name) for name in SHOWN)))
    return rows, wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keyfold", required=True)
    parser.add_argument("--directory", required=True, help="for events, ledger, upserts and log; emptied first")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--stay", action="store_true", help="until Ctrl-C")
    options = parser.parse_args()
    shutil.rmtree(options.directory, ignore_errors=True)
    os.makedirs(options.directory)
    files = {name: os.path.join(options.directory, path)
             for name, path in (("EVENTS", "events.json"), ("UPSERTS", "upserts.json"), ("STORE", "ledger.db"))}
    print(f"generating {options.events:,} events", flush=True)
    subprocess.run([options.keyfold, "generate", "counters", "--events", str(options.events), "--output", files["EVENTS"]],
                   check=True, stderr=subprocess.DEVNULL)
    client = stack.Client(options.port or stack.free_port())
    definition = os.path.join(HERE, "definition.json")
    print(f"running keyfold on {os.path.relpath(definition)}, serving on {client.base}", flush=True)
    with stack.Keyfold(options.keyfold, definition, log=os.path.join(options.directory, "keyfold.log"),
                       PORT=client.base.rpartition(":")[2], **files) as process:
        show_progress(process, client, options.events)
        truth = oracle.Oracle(oracle.events_of(files["EVENTS"]))
        at = truth.newest
        rows, wrong = look_up(client, truth, at)
        print(f"\nThe most active users, looked up over HTTP (decayed to the newest event, {at}):\n")
        show_table(rows)
        print(f"\n{'All' if not wrong else f'{wrong} values DIFFER; all other'} values equal an independent computation from the events."
              f"\n\nTry:\n  curl -s '{client.base}/v1/entities/user/{rows[0][0]}?as_of={at * 1000}' | python3 -m json.tool | head -n 30"
              f"\n  curl -s {client.base}/metrics | grep keyfold_view", flush=True)
        if options.stay:
            print("\nCtrl-C ends it.", flush=True)
            try:
                process.process.wait()
            except KeyboardInterrupt:
                pass
        status = process.stop()
    sys.exit(1 if wrong or status else 0)


if __name__ == "__main__":
    try:
        main()
    except (RuntimeError, subprocess.SubprocessError) as problem:
        sys.exit(f"demo: {problem}")
