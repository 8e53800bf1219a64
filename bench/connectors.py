#!/usr/bin/env python3
"""Connectors beside bare clients that do the same: Avro decoding, the outputs to S2, PostgreSQL, DynamoDB, SQLite and files."""

import argparse
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests/support"))
import dynamodb  # noqa: E402
import postgres  # noqa: E402
import s2  # noqa: E402


def run(options, program, *arguments):
    """Runs a program of the build, shows what it says but for the last line, which is JSON: that is returned."""
    command = [os.path.join(options.build, "bench", program), *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    *said, last = done.stdout.splitlines()
    print(*said, sep="\n", flush=True)
    return json.loads(last)


def avro(options):
    """Decoding on one core, beside avro-c: records per second."""
    return run(options, "bench_avro", options.records)


def s2_output(options):
    """Rows per second of upserts to a real S2 in memory, beside a client that sends the same batches."""
    with tempfile.TemporaryDirectory() as directory, s2.Server(directory, store="memory") as server:
        return run(options, "bench_s2_output", server.url, s2.BASIN, options.rows, options.rounds)


def local_outputs(options):
    """Rows per second of upserts to SQLite and of lines to a file, on this disk, beside clients that do the same batches as durably."""
    with tempfile.TemporaryDirectory(dir=options.build) as directory:
        return run(options, "bench_local_outputs", directory, options.rows, options.rounds)


def postgres_output(options):
    """Rows per second of upserts to a real PostgreSQL, beside a client of libpq that sends the same batches."""
    with tempfile.TemporaryDirectory() as directory, postgres.Server(directory) as server:
        return run(options, "bench_postgres_output", server.url, postgres.PASSWORD, options.rows, options.rounds)


def dynamodb_output(options):
    """Rows per second of items put into DynamoDB Local in memory, beside a client that sends the same batches, unsigned."""
    with tempfile.TemporaryDirectory() as directory, dynamodb.DynamoDB(directory, heap="768m") as server:
        return run(options, "bench_dynamodb_output", server.url, options.rows // 5, options.rounds)


PARTS = {"avro": avro, "s2_output": s2_output, "postgres_output": postgres_output, "dynamodb_output": dynamodb_output,
         "local_outputs": local_outputs}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True, help="where the programs are; scripts/bench gives it")
    parser.add_argument("--records", type=int, default=1_000_000, help="of each schema in Avro, for each of five rounds (1000000)")
    parser.add_argument("--rows", type=int, default=100_000, help="that each output publishes in a round (100000)")
    parser.add_argument("--rounds", type=int, default=5, help="of outputs (5)")
    parser.add_argument("--only", action="append", choices=PARTS, help="only this part; may be repeated")
    options = parser.parse_args()
    result = {"bench": "connectors"}
    for name in options.only or PARTS:
        try:
            result[name] = PARTS[name](options)
        except (s2.Unavailable, postgres.Unavailable, dynamodb.Unavailable) as reason:
            print(f"skipped: {name}: {reason}", flush=True)
            result[name] = None
    print(json.dumps(result))


if __name__ == "__main__":
    main()
