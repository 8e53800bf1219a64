#!/usr/bin/env python3
"""Lookups of ten features over HTTP beside Redis HMGET of ten fields, alone and while events are folded; Feast's requests.

One machine, by turns, so that both meet the same noise; medians of the rounds count:

  redis     redis-benchmark -c 32, no pipelining: HMGET of ten fields of random keys
  keyfold   wrk -t1 -c32: GET of one entity's ten features, random keys
  feast     wrk: POST /get-online-features, 100 entities x 10 features
  folding   the lookups while events are appended at a rate, and folded

Prints one JSON object last: redis_per_s, keyfold_per_s, ratio, p99_ms, p99_folding_ms, feast_100_per_s, and beside them what
each round gave.
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../tests/support"))
import stack  # noqa: E402

GROUPS = ["view", "like", "comment", "share", "follow"]
DECAYS = ["1h", "1d"]
FEATURES = [f"{group}_count_{decay}" for group in GROUPS for decay in DECAYS]

REPORT = """
done = function(summary, latency, requests)
  local errors = summary.errors
  print(string.format('RESULT {"per_s": %.1f, "p50_ms": %.3f, "p99_ms": %.3f, "failed": %d}',
    summary.requests / summary.duration * 1e6, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
"""

LOOKUP = """
math.randomseed(os.time())
request = function()
  return wrk.format("GET", "/v1/entities/user/" .. math.random(1, USERS))
end
""" + REPORT

FEAST = """
math.randomseed(os.time())
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
request = function()
  local keys = {}
  for i = 1, 100 do keys[i] = '"' .. math.random(1, USERS) .. '"' end
  return wrk.format(nil, "/get-online-features", nil, '{"features":[FEATURES],"entities":{"userId":[' .. table.concat(keys, ",") .. ']}}')
end
""" + REPORT


def write(directory, name, text):
    path = os.path.join(directory, name)
    with open(path, "w") as f:
        f.write(text)
    return path


def definition(directory, threads):
    return write(directory, "definition.json", json.dumps({
        "application": "lookup",
        "streams": [{"name": "events", "source": {"type": "file", "path": os.path.join(directory, "events.json"), "follow": True},
                     "fields": {"eventName": "string", "userId": "string", "eventTs": {"type": "timestamp", "unit": "s"}},
                     "event_time": "eventTs", "max_delay": "1s"}],
        "entities": [{"name": "user", "key": ["userId"]}],
        "views": [{"name": "activity", "type": "decayed_counters", "entity": "user", "stream": "events", "group_by": ["eventName"],
                   "groups": GROUPS, "time_constants": DECAYS}],
        "serving": {"port": "${PORT}", "threads": threads},
        "ledger": {"path": os.path.join(directory, "ledger.db")}}))


def wrk(url, script, options, connections, seconds):
    done = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", script, url], capture_output=True, text=True)
    found = re.search(r"^RESULT (.*)$", done.stdout, re.M)
    if done.returncode or not found:
        sys.exit(f"lookup: wrk failed: {done.stdout[-1000:]}{done.stderr[-1000:]}")
    result = json.loads(found.group(1))
    if result["failed"]:
        sys.exit(f"lookup: wrk saw {result['failed']} failed requests: {done.stdout[-1000:]}")
    return result


class Redis:
    """A redis-server of its own, without persistence."""

    def __init__(self, directory):
        self.port = stack.free_port()
        self.process = subprocess.Popen(["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly",
                                         "no", "--dir", directory], stdout=subprocess.DEVNULL)

    def load(self, users):
        while subprocess.run(["redis-cli", "-p", str(self.port), "ping"], capture_output=True).returncode:
            time.sleep(0.05)
        fields = " ".join(f"{name} {1.3678794411714423 + i}" for i, name in enumerate(FEATURES))
        commands = "".join(f"HSET user:{user:012d} {fields}\r\n" for user in range(users))
        subprocess.run(["redis-cli", "-p", str(self.port), "--pipe"], input=commands, text=True, check=True, stdout=subprocess.DEVNULL)

    def measure(self, users, requests):
        done = subprocess.run(["redis-benchmark", "-p", str(self.port), "-c", "32", "-n", str(requests), "-r", str(users), "--csv",
                               "HMGET", "user:__rand_int__", *FEATURES], capture_output=True, text=True, check=True)
        head, values = (line.strip('"').split('","') for line in done.stdout.strip().splitlines()[-2:])
        row = dict(zip(head, values))
        return {"per_s": float(row["rps"]), "p50_ms": float(row["p50_latency_ms"]), "p99_ms": float(row["p99_latency_ms"])}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def load(options, directory):
    """The events that every user has one of at least; the rest as `keyfold generate` draws them."""
    with open(os.path.join(directory, "events.json"), "w") as f:
        for user in range(1, options.users + 1):
            for group in GROUPS:
                f.write(f'{{"eventName":"{group}","userId":"{user}","eventTs":{1707605599 + user // 1000}}}\n')


def rows_folded(client):
    found = re.findall(r'^keyfold_view_rows_total\{[^}]*\} (\S+)$', client.get("/metrics")[1], re.M)
    return sum(float(x) for x in found)


def wait_until_folded(keyfold, client, rows):
    keyfold.wait_until(client.ready, 30, "answer to /ready")
    keyfold.wait_until(lambda: rows_folded(client) >= rows, 300, f"{rows} rows folded")


def while_folding(options, directory, client, script):
    """The lookups while events come in at `options.rate`; and how many a second were folded meanwhile."""
    with open(os.path.join(directory, "events.json"), "ab") as events:
        generator = subprocess.Popen([os.path.join(options.build, "keyfold"), "generate", "counters", "--seed", "7", "--users",
                                      str(options.users), "--rate", str(options.rate), "--events",
                                      str(options.rate * (options.seconds + 10)), "--output", "-"], stdout=events,
                                     stderr=subprocess.DEVNULL)
    try:
        time.sleep(3)
        before, begun = rows_folded(client), time.monotonic()
        result = wrk(client.base, script, options, 32, options.seconds)
        result["folded_per_s"] = round((rows_folded(client) - before) / (time.monotonic() - begun))
    finally:
        generator.terminate()
        generator.wait()
    return result


def measure(options, directory):
    load(options, directory)
    client = stack.Client(stack.free_port())
    scripts = {name: write(directory, name + ".lua", text.replace("USERS", str(options.users)).replace(
        "FEATURES", ",".join(f'"activity:{x}"' for x in FEATURES))) for name, text in (("lookup", LOOKUP), ("feast", FEAST))}
    rounds = {"redis": [], "keyfold": [], "feast": [], "folding": []}
    with Redis(directory) as redis, \
            stack.Keyfold(os.path.join(options.build, "keyfold"), definition(directory, options.threads),
                          log=os.path.join(directory, "log"), PORT=client.base.rpartition(":")[2]) as keyfold:
        redis.load(options.users)
        wait_until_folded(keyfold, client, options.users * len(GROUPS))
        if len(client.entity("user", "1")) != len(FEATURES):
            sys.exit(f"lookup: a user has not {len(FEATURES)} features: {client.entity('user', '1')}")
        for number in range(options.rounds):
            rounds["redis"].append(redis.measure(options.users, options.redis_requests))
            rounds["keyfold"].append(wrk(client.base, scripts["lookup"], options, 32, options.seconds))
            rounds["feast"].append(wrk(client.base, scripts["feast"], options, 8, options.seconds))
            print(f"round {number + 1}: " + json.dumps({k: v[-1] for k, v in rounds.items() if v}), flush=True)
        for _ in range(options.rounds):
            rounds["folding"].append(while_folding(options, directory, client, scripts["lookup"]))
            print("folding: " + json.dumps(rounds["folding"][-1]), flush=True)
    return rounds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.path.join(HERE, "../build/bench"), help="where keyfold is built (scripts/bench says)")
    parser.add_argument("--rounds", type=int, default=3, help="by turns (3); medians count")
    parser.add_argument("--seconds", type=int, default=5, help="of each load of wrk (5)")
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--rate", type=int, default=200_000, help="events per second while folding (200000)")
    parser.add_argument("--threads", type=int, default=1, help="of the server (1)")
    parser.add_argument("--redis-requests", type=int, default=400_000, help="a round (400000)")
    options = parser.parse_args()
    directory = tempfile.mkdtemp(prefix="keyfold-lookup-")
    try:
        rounds = measure(options, directory)
    finally:
        shutil.rmtree(directory)

    def median(kind, field):
        return statistics.median(x[field] for x in rounds[kind])

    redis, keyfold = median("redis", "per_s"), median("keyfold", "per_s")
    print(json.dumps({"redis_per_s": round(redis), "keyfold_per_s": round(keyfold), "ratio": round(keyfold / redis, 3),
                      "p99_ms": median("keyfold", "p99_ms"), "p99_folding_ms": median("folding", "p99_ms"),
                      "feast_100_per_s": round(median("feast", "per_s")), "folded_per_s": round(median("folding", "folded_per_s")),
                      "redis_p99_ms": median("redis", "p99_ms"), "feast_p99_ms": median("feast", "p99_ms"),
                      "rounds": rounds}))


if __name__ == "__main__":
    main()
