#!/usr/bin/env python3
"""Kafka through decayed counters: events per second beside a bare consumer's, with and without upserts, bytes per key.

One topic of 10 M JSON events over 1 M users (bench/peers/fill w1), read by turns, so that both meet the same noise:

  ceiling   bench/peers/native/rawread --parse: a librdkafka consumer that parses the fields with simdjson and does nothing
            else, with one and with two threads; the better median counts
  keyfold   three decayed counters per (event name, user), the ledger on, no output
  upserts   as keyfold, plus an upsert to Kafka, exactly once, for each closed window of 5 s
  memory    one view of three counters for a million users, from a file: resident bytes per key, when the ledger rests

Prints one JSON object last: ceiling_per_s, keyfold_per_s, ratio, upserts_ratio, bytes_per_key, and beside them what each
round gave.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "peers"))
from peers import Peers, run_keyfold  # noqa: E402

UPSERTS = 8_884_198  # that w1 gives with windows of 5 s: what Flink publishes too
USERS = 1_000_000


def counters(**more):
    """The view that is measured."""
    return {"name": "activity", "type": "decayed_counters", "entity": "user", "stream": "events", "group_by": ["eventName"],
            "groups": ["like", "view", "share", "comment"], "time_constants": ["5s", "10s", "15s"], **more}


def definition(directory, source, views, outputs=()):
    path = os.path.join(directory, "definition.json")
    fields = {"eventName": "string", "userId": "string", "creatorId": "string", "eventTs": {"type": "timestamp", "unit": "s"}}
    with open(path, "w") as f:
        json.dump({"application": "spine", "streams": [{"name": "events", "source": source, "format": "json", "fields": fields,
                                                        "event_time": "eventTs", "max_delay": "1s"}],
                   "entities": [{"name": "user", "key": ["userId"]}], "views": views,
                   "outputs": list(outputs), "serving": {"enabled": False},
                   "ledger": {"path": os.path.join(directory, "ledger.db")}}, f)
    return path


def ceiling(peers, threads):
    """Events per second of a bare consumer."""
    out = peers.run("native/rawread", peers.broker, "w1", "--parse", "--threads", str(threads))
    return json.loads(out.splitlines()[-1])["per_s"]


def throughput(options, peers, directory):
    broker = peers.broker
    kafka = {"type": "kafka", "brokers": broker, "topics": ["w1"], "start": "earliest"}
    plain = definition(directory, kafka, [counters()])
    rounds = {"ceiling_1": [], "ceiling_2": [], "keyfold": [], "upserts": []}
    for number in range(options.rounds):
        rounds["ceiling_1"].append(ceiling(peers, 1))
        rounds["keyfold"].append(run_keyfold(options.build, directory, plain)["per_s"])
        rounds["ceiling_2"].append(ceiling(peers, 2))
        print(f"round {number + 1}: " + json.dumps({k: round(v[-1]) for k, v in rounds.items() if v}), flush=True)
    published = 0
    for number in range(options.upsert_rounds):
        topic = f"spine-{os.getpid()}-{number}"
        peers.topic(topic)
        output = {"name": "upserts", "views": ["activity"], "type": "kafka", "brokers": broker, "topic": topic, "every_change": True,
                  "transactional_id": topic}
        path = definition(directory, kafka, [counters(pre_aggregate="5s")], [output])
        rounds["upserts"].append(run_keyfold(options.build, directory, path)["per_s"])
        published = peers.records(topic)
        print(f"upserts, round {number + 1}: {rounds['upserts'][-1]:.0f} events/s, {published} upserts", flush=True)
        if published != UPSERTS:
            sys.exit(f"spine: {published} upserts instead of {UPSERTS}")
    return rounds, published


def bytes_per_key(options, directory):
    events = os.path.join(directory, "users.json")
    with open(events, "w") as f:
        for user in range(1, USERS + 1):
            f.write(f'{{"eventName":"like","userId":"{user}","creatorId":"7","eventTs":{1707605599 + user // 1000}}}\n')
    report = run_keyfold(options.build, directory, definition(directory, {"type": "file", "path": events}, [counters()]),
                         rest=True)
    os.remove(events)
    if report["keys"] != USERS:
        sys.exit(f"spine: {report['keys']} keys instead of {USERS}")
    return report["rss_bytes"] / report["keys"], report


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.path.join(HERE, "../build/bench"), help="where keyfold is built (scripts/bench says)")
    parser.add_argument("--rounds", type=int, default=3, help="of ceiling and keyfold, by turns (3); medians count")
    parser.add_argument("--upsert-rounds", type=int, default=1, help="with upserts (1)")
    parser.add_argument("--port", type=int, help="for the broker, if it is not running yet (9092)")
    parser.add_argument("--no-memory", action="store_true", help="leave out bytes_per_key")
    options = parser.parse_args()
    directory = tempfile.mkdtemp(prefix="keyfold-spine-")
    try:
        with Peers(["w1"], options.port) as peers:
            rounds, published = throughput(options, peers, directory)
        per_key, memory = (None, None) if options.no_memory else bytes_per_key(options, directory)
    finally:
        shutil.rmtree(directory)
    medians = {k: statistics.median(v) if v else None for k, v in rounds.items()}
    top = max(medians["ceiling_1"], medians["ceiling_2"])
    print(json.dumps({
        "ceiling_per_s": round(top), "keyfold_per_s": round(medians["keyfold"]), "ratio": round(medians["keyfold"] / top, 3),
        "upserts_ratio": medians["upserts"] and round(medians["upserts"] / top, 3), "bytes_per_key": per_key and round(per_key, 1),
        "upserts_per_s": medians["upserts"] and round(medians["upserts"]), "upserts": published, "rounds": rounds, "memory": memory}))


if __name__ == "__main__":
    main()
