#!/usr/bin/env python3
"""Three pipelines from Kafka to Kafka beside Flink, on the same topics: events per second, memory, counts of what comes out.

  w1  three decayed counters of each (event name, user), published for each window of 5 s
  w2  per user, a search that led over view and cart to a purchase; per item, the five queries that did so most often
  w3  what each user paid in two minutes, every minute

What Flink does is in bench/peers/flink (one process, two slots, objects on the heap, checkpoints, Parallel GC); keyfold's definitions are in
this program. keyfold publishes exactly once, with its ledger on the disk; Flink's sinks deliver at least once, their default. Both read to the
end of the topic, in turns; seconds are from the first event to the last commit, without the start of the process.

With --by-hand also bench/peers/native/byhand, for w1 and w3: what a program for this one question has with the same client library, without
definitions, ledger, transactions or lookups. Who wants to be faster than it has to write another client of Kafka first.

Whatever keyfold published is counted and compared with what the events give; a wrong count ends the program with status 1. With
--oracle, or where --events makes a topic of another length, the numbers expected are computed from the topic by this program, and so are
the lists of w2 and the sums of w3.

Prints one JSON object last: for each pipeline flink_per_s, keyfold_per_s, ratio, rss_mib (keyfold's most), flink_rss_mib, out; by_hand_per_s.
"""

import argparse
import collections
import json
import os
import shutil
import statistics
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "peers"))
from peers import Peers, run_keyfold  # noqa: E402

MINUTE = 60


def check(condition, sentence):
    if not condition:
        sys.exit(f"pipelines: {sentence}")


class Pipeline:
    """What one of the three is made of. `fields`, `views`, `output` are parts of the definition."""

    events = 5_000_000
    flink_job = None
    #: whether native/byhand has the job, too
    by_hand = False

    def expect(self, rows):
        """What must come out, from the events themselves: (number, values by key)."""
        raise NotImplementedError

    def known(self, filled):
        """The number that must come out of the whole topic; `filled` is what the generator said."""
        raise NotImplementedError

    def count(self, report, published):
        """What `known` is about."""
        return published


class Counters(Pipeline):
    """w1"""

    events = 10_000_000
    flink_job = "counters"
    by_hand = True
    stream = {"fields": {"eventName": "string", "userId": "string", "eventTs": {"type": "timestamp", "unit": "s"}}, "event_time": "eventTs"}
    entities = [{"name": "user", "key": ["userId"]}]
    views = [{"name": "activity", "type": "decayed_counters", "entity": "user", "stream": "events", "group_by": ["eventName"],
              "groups": ["like", "view", "share", "comment"], "time_constants": ["5s", "10s", "15s"], "pre_aggregate": "5s"}]
    output = {"views": ["activity"]}

    def known(self, filled):
        return 8_884_198

    def expect(self, rows):
        return len({(x["eventName"], x["userId"], x["eventTs"] // 5) for x in rows}), None


class Journeys(Pipeline):
    """w2"""

    flink_job = "journeys"
    stream = {"fields": {"user": "int64", "item": "int64", "action": "string", "query": "string",
                         "epoch_ms": {"type": "timestamp", "unit": "ms"}}, "event_time": "epoch_ms"}
    entities = [{"name": "user", "key": ["user"]}, {"name": "item", "key": ["item"]}]
    views = [
        {"name": "journeys", "type": "pattern", "entity": "user", "stream": "events", "pattern": "A B C D",
         "define": {"A": "action = 'search'", "B": "action = 'view'", "C": "action = 'cart' AND item = B.item",
                    "D": "action = 'buy' AND item = B.item"},
         "measures": {"item": "D.item", "query": "A.query"}, "within": "10m", "after_match": "skip to next row", "emits": "conversions"},
        {"name": "top_queries", "type": "top_k", "entity": "item", "stream": "conversions", "candidates": ["query"], "k": 5,
         "by": "count", "with_scores": True}]
    output = {"views": ["top_queries"]}

    def known(self, filled):
        return filled.get("matches", 248_305)

    def count(self, report, published):
        return report["emitted"]["journeys"]

    def expect(self, rows):
        """Journeys as they are defined, user by user; then the ranks of queries, ties by who was there first."""
        running = collections.defaultdict(list)
        matches = []
        for x in sorted(rows, key=lambda x: x["epoch_ms"]):
            so_far = running[x["user"]]
            want = ("search", "view", "cart", "buy")[len(so_far)]
            fits = x["action"] == want and (want in ("search", "view") or x["item"] == so_far[1]["item"])
            if not fits or (so_far and x["epoch_ms"] - so_far[0]["epoch_ms"] >= 10 * MINUTE * 1000):
                so_far.clear()
                fits = x["action"] == "search"
            if fits:
                so_far.append(x)
            if len(so_far) == 4:
                matches.append((x["epoch_ms"], x["item"], so_far[0]["query"]))
                so_far.clear()
        counts = collections.defaultdict(dict)
        for at, item, query in matches:
            number, _ = counts[item].get(query, (0, 0))
            counts[item][query] = number + 1, at
        lists = {}
        for item, queries in counts.items():
            best = sorted(queries.items(), key=lambda x: (-x[1][0], x[1][1], x[0]))[:5]
            lists[item] = [query for query, _ in best]
        return len(matches), lists

    def values(self, records):
        return {json.loads(key)["item"]: json.loads(value)["top_queries"] for key, value in records}


class Purchases(Pipeline):
    """w3"""

    flink_job = "purchases"
    by_hand = True
    stream = {"fields": {"user_id": "string", "item_count": "int64", "price": "double",
                         "timestamp": {"type": "timestamp", "format": "%Y-%m-%d %H:%M:%S"}}, "event_time": "timestamp"}
    entities = [{"name": "user", "key": ["user_id"]}]
    views = [{"name": "payments", "type": "sliding_window", "entity": "user", "stream": "events", "size": "2m", "step": "1m",
              "aggregates": [{"name": "total", "function": "sum", "expression": "item_count * price"}],
              "enable_empty_window_output": False, "skip_same_window_output": False}]
    output = {"views": ["payments"],
              "columns": {"user_id": "user_id", "timestamp": "window_time", "total_payment_last_two_minutes": "total"}}

    def known(self, filled):
        return 6_796_829

    def expect(self, rows):
        sums = collections.defaultdict(float)
        for x in rows:
            hour, minute, _ = x["timestamp"][11:].split(":")
            first = int(hour) * 60 + int(minute)
            for last in first, first + 1:
                sums[x["user_id"], last] += x["item_count"] * x["price"]
        return len(sums), {k: round(v, 2) for k, v in sums.items()}

    def values(self, records):
        out = {}
        for _, value in records:
            x = json.loads(value)
            hour, minute, _ = x["timestamp"][11:].split(":")
            day = int(x["timestamp"][8:10]) - 1
            out[x["user_id"], (day * 24 + int(hour)) * 60 + int(minute)] = round(x["total_payment_last_two_minutes"], 2)
        return out


PIPELINES = {"w1": Counters(), "w2": Journeys(), "w3": Purchases()}


def definition(directory, pipeline, broker, topic, out, more):
    """Writes keyfold's definition; its path.

    more: keys of the output
    """
    path = os.path.join(directory, "definition.json")
    stream = {"name": "events", "source": {"type": "kafka", "brokers": broker, "topics": [topic], "start": "earliest",
                                           "properties": {"queued.min.messages": "64000"}},
              "max_delay": "1ms", **pipeline.stream}
    output = {"name": "out", "type": "kafka", "brokers": broker, "topic": out, "every_change": True, "transactional_id": out,
              "max_pending": "32MiB", "properties": {"compression.codec": "lz4", "linger.ms": "20"}, **pipeline.output, **more}
    with open(path, "w") as f:
        json.dump({"application": "pipelines", "streams": [stream], "entities": pipeline.entities, "views": pipeline.views,
                   "outputs": [output], "serving": {"enabled": False},
                   "ledger": {"path": os.path.join(directory, "ledger.db")}}, f, indent=1)
    return path


def run_flink(peers, pipeline, topic):
    """Its line of results, with the most memory it had."""
    environment = {"HEAP": os.environ.get("HEAP", "6g"), "GC": os.environ.get("GC", "Parallel")}
    out = peers.run("env", *(f"{k}={v}" for k, v in environment.items()), "./measure.py", "-n", "1", "-o", "/dev/null", "-w", "0",
                    pipeline.flink_job, "--", "flink/run", pipeline.flink_job, f"in={topic}", f"brokers={peers.broker}")
    return json.loads(out.splitlines()[-1])


def run_by_hand(peers, pipeline, topic, out, expected):
    """Its line of results."""
    done = json.loads(peers.run("native/byhand", pipeline.flink_job, peers.broker, topic, out, "--threads", "4"))
    check(done["out"] == expected, f"native/byhand: {done['out']} came out instead of {expected}")
    return done


def expectation(options, peers, name, topic, filled):
    """(number, values by key or None)"""
    pipeline = PIPELINES[name]
    if not options.oracle and topic == name:
        return pipeline.known(filled), None
    print(f"{name}: computing what must come out of {topic}", flush=True)
    number, values = pipeline.expect([json.loads(value) for _, value in peers.read(topic)])
    check(topic != name or number == pipeline.known(filled), f"{name}: the oracle gives {number}, not {pipeline.known(filled)}")
    return number, values


def verify(name, pipeline, peers, out, report, expected):
    """Checks what keyfold published to `out`; how many records."""
    number, values = expected
    published = peers.records(out)
    count = pipeline.count(report, published)
    check(count == number, f"{name}: {count} came out instead of {number}")
    if values is not None:
        found = pipeline.values(peers.read(out))
        wrong = [key for key in values.keys() | found.keys() if values.get(key) != found.get(key)]
        check(not wrong, f"{name}: {len(wrong)} of {len(values)} values are wrong, such as that of {wrong[:1]}: "
              f"{[found.get(x) for x in wrong[:1]]} instead of {[values.get(x) for x in wrong[:1]]}")
        print(f"{name}: all of {len(values)} values are right", flush=True)
    return published


def measure(options, peers, directory, name, topic, filled):
    """The object of one pipeline in the last line."""
    pipeline = PIPELINES[name]
    expected = expectation(options, peers, name, topic, filled)
    flink, by_hand, keyfold, published = [], [], [], 0
    for number in range(options.rounds):
        if not options.skip_flink:
            flink.append(run_flink(peers, pipeline, topic))
            print(f"{name}: Flink, round {number + 1}: {flink[-1]['per_s']:.0f} events/s, {flink[-1]['rss_mib']} MiB, "
                  f"{flink[-1]['out']} out", flush=True)
        out = f"pipelines-{name}-{os.getpid()}-{number}"
        if options.by_hand and pipeline.by_hand:
            peers.topic(f"{out}-by-hand")
            by_hand.append(run_by_hand(peers, pipeline, topic, f"{out}-by-hand", expected[0]))
            peers.delete_topic(f"{out}-by-hand")
            print(f"{name}: by hand, round {number + 1}: {by_hand[-1]['per_s']} events/s, {by_hand[-1]['cpu_seconds']} s of CPU", flush=True)
        peers.topic(out)
        keyfold.append(run_keyfold(options.build, directory,
                                   definition(directory, pipeline, peers.broker, topic, out, options.output)))
        published = verify(name, pipeline, peers, out, keyfold[-1], expected)
        peers.delete_topic(out)
        print(f"{name}: keyfold, round {number + 1}: {keyfold[-1]['per_s']:.0f} events/s, {keyfold[-1]['peak_rss_mib']} MiB, "
              f"{keyfold[-1]['cpu_seconds']:.1f} s of CPU, {published} out, {json.dumps(keyfold[-1]['emitted'])}", flush=True)
    per_s = statistics.median(x["per_s"] for x in keyfold)
    result = {"events": keyfold[0]["events"], "keyfold_per_s": round(per_s), "rss_mib": max(x["peak_rss_mib"] for x in keyfold),
              "cpu_seconds": statistics.median(x["cpu_seconds"] for x in keyfold), "out": published, "oracle": expected[0]}
    if by_hand:
        result["by_hand_per_s"] = statistics.median(x["per_s"] for x in by_hand)
    if flink:
        flink_per_s = statistics.median(x["per_s"] for x in flink)
        flink_rss = max(x["rss_mib"] for x in flink)
        result = {"flink_per_s": round(flink_per_s), "keyfold_per_s": round(per_s), "ratio": round(per_s / flink_per_s, 2),
                  "flink_rss_mib": flink_rss, "rss_ratio": round(result["rss_mib"] / flink_rss, 3), **result}
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.path.join(HERE, "../build/bench"), help="where keyfold is built (scripts/bench says)")
    parser.add_argument("--only", action="append", choices=sorted(PIPELINES), metavar="NAME", help="w1, w2 or w3; may be repeated (all)")
    parser.add_argument("--events", type=int, help="from topics of that many events, made if they are not there (w1 10 M, w2 and w3 5 M)")
    parser.add_argument("--rounds", type=int, default=1, help="of Flink and keyfold, by turns (1); medians count")
    parser.add_argument("--skip-flink", action="store_true", help="keyfold alone")
    parser.add_argument("--by-hand", action="store_true", help="w1 and w3 also by the program written for them")
    parser.add_argument("--oracle", action="store_true", help="compute what must come out, also of the topics whose counts are known")
    parser.add_argument("--port", type=int, help="for the broker, if it is not running yet (9092)")
    parser.add_argument("--output", type=json.loads, default={}, metavar="JSON",
                        help="keys of the definition's output, to try: '{\"max_pending\": \"32MiB\"}'")
    parser.add_argument("--keep", help="leave the last definition, log and report in this directory")
    options = parser.parse_args()
    check(options.rounds > 0, "--rounds must be at least 1")
    names = options.only or sorted(PIPELINES)
    topics = {name: f"{name}-{options.events}" if options.events else name for name in names}
    directory = tempfile.mkdtemp(prefix="keyfold-pipelines-")
    result = {}
    try:
        with Peers(list(topics.values()), options.port) as peers:
            if not options.skip_flink:
                peers.run("flink/run", "build")
            for name in names:
                result[name] = measure(options, peers, directory, name, topics[name], peers.filled[topics[name]])
    finally:
        if options.keep:
            os.makedirs(options.keep, exist_ok=True)
            for file in ("definition.json", "keyfold.log", "report.json"):
                if os.path.exists(os.path.join(directory, file)):
                    shutil.copy(os.path.join(directory, file), options.keep)
        shutil.rmtree(directory)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
