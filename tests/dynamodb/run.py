#!/usr/bin/env python3
"""keyfold with outputs to DynamoDB: a real DynamoDB Local, and a faking proxy before it for what that never does.

usage: run.py KEYFOLD [PART...]     last line: `N passed, N failed, N skipped`; before it, what was skipped and why
"""

import contextlib
import json
import os
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../support"), os.path.join(HERE, "../servers")]
from checks import check, summary  # noqa: E402
from dynamodb import DynamoDB, Faker, Unavailable, plain  # noqa: E402
from fault_proxy import FaultProxy  # noqa: E402
from stack import Client, Keyfold, free_port  # noqa: E402

SECRET = "wJalrXUtnFEMIhunter2"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": SECRET}
COUNTERS = {"5": "count_5s", "10": "count_10s", "15": "count_15s"}
DOCUMENT_ITEM = {"key": "userId", "featureName": "eventName",
                 "counts": {i: {"decayInterval": int(i), "lastUpdate": "last_update", "value": column} for i, column in COUNTERS.items()}}


class Pipeline:
    """Events pushed over HTTP, counted per user and event name, each change in DynamoDB."""

    def __init__(self, program, folder, url, environment=None, **output):
        self.program, self.folder = program, folder
        self.environment = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_SHARED_CREDENTIALS_FILE": "/none", **(environment or KEYS)}
        self.client = Client(free_port())
        self.table = output.setdefault("table", os.path.basename(folder).replace("_", "-"))
        self.definition = {
            "application": "counting",
            "streams": [{"name": "events", "source": {"type": "http_push"}, "event_time": "eventTs", "idle_after": "50ms",
                         "fields": {"eventName": "string", "userId": "string", "eventTs": {"type": "timestamp", "unit": "s"}}}],
            "entities": [{"name": "user", "key": ["userId"]}],
            "views": [{"name": "activity", "type": "decayed_counters", "entity": "user", "stream": "events", "group_by": ["eventName"],
                       "time_constants": ["5s", "10s", "15s"], "measures": [{"name": "count", "function": "count"}]}],
            "outputs": [{"name": "out", "type": "dynamodb", "endpoint": url, "views": ["activity"], "partition_key": "key",
                         "sort_key": "featureName", "timestamps": "s", "item": DOCUMENT_ITEM, **output},
                        {"name": "beside", "type": "file", "path": f"{folder}/beside.jsonl", "views": ["activity"]}],
            "dead_letter": {"type": "file", "path": f"{folder}/bad.jsonl"},
            "ledger": {"path": f"{folder}/keyfold.db", "epoch_interval": "50ms"},
            "serving": {"port": int(self.client.base.rpartition(":")[2])},
        }
        self.sent = {}

    @contextlib.contextmanager
    def running(self, ready=True):
        path = f"{self.folder}/definition.json"
        with open(path, "w") as f:
            json.dump(self.definition, f)
        with Keyfold(self.program, path, log=f"{self.folder}/log", **self.environment) as self.process:
            if ready:
                self.until(self.client.ready, "readiness")
            else:
                self.until(lambda: self.client.get("/health")[0] == 200, "an answer")
            yield self
            if self.process.process.poll() is None:
                check("it stops in good order", self.process.stop() == 0, self.process.tail())
        with open(f"{self.folder}/log") as f:
            check("no secret is in the log", SECRET not in f.read())

    def until(self, condition, what, seconds=40):
        self.process.wait_until(condition, seconds, what)

    def push(self, events):
        """Events: (user, event name, time)."""
        self.client.push("events", [{"userId": user, "eventName": name, "eventTs": at} for user, name, at in events])
        for user, name, at in events:
            self.sent.setdefault((user, name), []).append(at)

    def push_many(self, users, at=1707605600, name="like"):
        self.push([(f"u{i}", name, at) for i in range(users)])

    def problem(self):
        return self.client.get("/ready")[1]

    def metric(self, name):
        text = self.client.get("/metrics")[1]
        found = [line for line in text.splitlines() if line.startswith(name + "{")]
        return float(found[0].rpartition(" ")[2]) if found else None

    def wanted(self):
        """The items that the events must give; exact but for the last bits of a double."""
        out = {}
        for (user, name), times in self.sent.items():
            newest = max(times)
            out[user, name] = {i: (int(i), newest, sum(2.718281828459045 ** ((at - newest) / int(i)) for at in times)) for i in COUNTERS}
        return out

    def items(self, server):
        try:
            return server.items(self.table)
        except RuntimeError:  # no such table, yet
            return []

    def right(self, server):
        """A condition: the table is what the events say."""
        def holds():
            have = {}
            for item in self.items(server):
                x = {name: plain(value) for name, value in item.items()}
                have[x["key"], x["featureName"]] = x["counts"]
            want = self.wanted()
            return have.keys() == want.keys() and all(
                have[key][i]["decayInterval"] == interval and have[key][i]["lastUpdate"] == at and abs(have[key][i]["value"] - value) < 1e-9
                for key, counters in want.items() for i, (interval, at, value) in counters.items())
        return holds


def letters(pipeline):
    with open(f"{pipeline.folder}/bad.jsonl") as f:
        return [json.loads(line)["value"] for line in f]


# --- the parts; each gets the program, an empty folder and a server ---------------------------------------------------------


def the_document(program, folder, server):
    """Items in the document's shape, to the byte."""
    pipeline = Pipeline(program, folder, server.url, create_table=True)
    with pipeline.running():
        pipeline.push([("1234", "like", 1707605599), ("5", "like", 1707605600), ("5", "like", 1707605605), ("5", "view", 1707605605)])
        pipeline.until(pipeline.right(server), "counters in the table")
        item = server.call("GetItem", TableName=pipeline.table, Key={"key": {"S": "5"}, "featureName": {"S": "like"}})["Item"]
        counter = {"decayInterval": {"N": "5"}, "lastUpdate": {"N": "1707605605"}, "value": {"N": "1.3678794411714423"}}
        check("types as the document has them", item["counts"]["M"]["5"]["M"] == counter, item)
        check("nothing else is in the item", sorted(item) == ["counts", "featureName", "key"], item)
        check("like and view of one user are two items", len(server.items(pipeline.table)) == 3)


def many(program, folder, server):
    """Batches, several in flight, signed as AWS wants it, with rows left unprocessed and throttling in between."""
    with Faker(server, keys={"AKIDEXAMPLE": SECRET}) as faker:
        turn = iter(range(10**9))

        def rule(operation, body):
            number = next(turn)
            if operation != "BatchWriteItem" or number > 150:
                return None
            rows = next(iter(body["RequestItems"].values()))
            if len({json.dumps(x) for x in rows}) != len(rows) or len(rows) > 25:
                return 400, "ValidationException", "Provided list of item keys contains duplicates"
            if number % 5 == 1:
                return 400, "ProvisionedThroughputExceededException", "slow down"
            if number % 5 == 2:
                return 500, "InternalServerError", "ill"
            return {3: len(rows), 4: len(rows) // 3}.get(number % 5)

        pipeline = Pipeline(program, folder, faker.url, create_table=True)
        with pipeline.running():
            faker.rule = rule
            pipeline.push_many(1500)
            pipeline.push_many(1500, at=1707605603)
            pipeline.until(pipeline.right(server), "all counters in spite of throttling", 90)
            check("several requests were in flight", faker.most_running > 2, faker.most_running)
            check("all signatures were right", faker.signatures == len(faker.operations) > 100, faker.signatures)
            check("what was left is counted", pipeline.metric("keyfold_dynamodb_output_unprocessed_total") > 0)
            check("throttling is counted", pipeline.metric("keyfold_dynamodb_output_throttled_total") > 0)


def long_throttling(program, folder, server):
    """A table that takes nothing for a while: /ready says why, the output beside goes on, and all arrives once it takes rows again."""
    with Faker(server, keys={"AKIDEXAMPLE": SECRET}) as faker:
        pipeline = Pipeline(program, folder, faker.url, create_table=True)
        with pipeline.running():
            pipeline.push_many(10)
            pipeline.until(pipeline.right(server), "counters")
            faker.rule = lambda operation, _: ((400, "ProvisionedThroughputExceededException", "too much for now")
                                               if operation == "BatchWriteItem" else None)
            pipeline.push_many(50)
            pipeline.until(lambda: "too much for now" in pipeline.problem(), "the reason in /ready")
            check("it names output and table", "output out" in pipeline.problem() and f"`{pipeline.table}`" in pipeline.problem(), pipeline.problem())
            check("it is not ready", not pipeline.client.ready())
            beside = os.path.getsize(f"{folder}/beside.jsonl")
            check("the output beside has all", beside > 0 and pipeline.metric("keyfold_dynamodb_output_throttled_total") > 0, beside)
            faker.rule = lambda *_: None
            pipeline.until(pipeline.right(server), "all counters once the table takes them")
            pipeline.until(pipeline.client.ready, "readiness")


def credentials(program, folder, server):
    """Wrong ones: it waits, says so, others go on; mended, it goes on by itself. A session token; a clock that is wrong."""
    with Faker(server, keys={"SOMEBODY": "else"}) as faker:
        pipeline = Pipeline(program, folder, faker.url, environment={**KEYS, "AWS_SESSION_TOKEN": "token+/="}, create_table=True)
        with pipeline.running(ready=False):
            pipeline.until(lambda: "UnrecognizedClient" in pipeline.problem(), "a sentence about the credentials")
            check("the sentence says what to do", "give the output the credentials" in pipeline.problem(), pipeline.problem())
            pipeline.push_many(10)
            pipeline.until(lambda: os.path.exists(f"{folder}/beside.jsonl") and os.path.getsize(f"{folder}/beside.jsonl") > 0,
                           "what the output beside writes")
            faker.keys = {"AKIDEXAMPLE": (SECRET, "token+/=")}
            faker.skew = 3600.0
            pipeline.until(pipeline.right(server), "counters once the credentials are known")
            pipeline.until(pipeline.client.ready, "readiness")
            check("signatures were right by the server's clock", faker.signatures > 2, faker.signatures)


def missing_table(program, folder, server):
    pipeline = Pipeline(program, folder, server.url)
    with pipeline.running(ready=False):
        pipeline.push_many(5)
        pipeline.until(lambda: "ResourceNotFound" in pipeline.problem(), "a sentence about the table")
        check("the sentence says what to do", "set `create_table`" in pipeline.problem(), pipeline.problem())
        server.create(pipeline.table, "key", "featureName")
        pipeline.until(pipeline.right(server), "counters once the table is there")
        server.delete(pipeline.table)
        pipeline.push_many(5)
        pipeline.until(lambda: "ResourceNotFound" in pipeline.problem(), "a sentence about the table that went")
        server.create(pipeline.table, "key", "featureName")
        pipeline.until(pipeline.right(server), "counters once the table is there again")


def other_key(program, folder, server):
    """A table with another key is not what the definition means: a person must choose."""
    pipeline = Pipeline(program, folder, server.url)
    server.create(pipeline.table, "key")
    with pipeline.running(ready=False):
        check("it ends", pipeline.process.wait(30) != 0)
        check("and says why", "has the key `key` (S), and the definition makes `key` (S) and `featureName` (S)"
              in pipeline.process.tail(), pipeline.process.tail())


def bad_rows(program, folder, server):
    """Rows that DynamoDB, or what writes for it, does not take: each alone is a dead letter, all others arrive."""
    with Faker(server) as faker:
        def rule(operation, body):
            rows = next(iter(body["RequestItems"].values())) if operation == "BatchWriteItem" else []
            bad = any(x["PutRequest"]["Item"]["key"]["S"] in ("u7", "u33") for x in rows)
            return (400, "ValidationException", "One or more parameter values were invalid") if bad else None

        faker.rule = rule
        pipeline = Pipeline(program, folder, faker.url, create_table=True)
        with pipeline.running():
            pipeline.push_many(60)
            pipeline.push([("", "like", 1707605600)])
            for user in ("u7", "u33", ""):
                del pipeline.sent[user, "like"]
            pipeline.until(pipeline.right(server), "all other counters")
            pipeline.until(lambda: os.path.exists(f"{folder}/bad.jsonl") and len(letters(pipeline)) >= 3, "dead letters")
            found = letters(pipeline)
            check("three rows are dead letters", len(found) == 3, found)
            check("with what DynamoDB said", sum("One or more parameter values" in x["reason"] for x in found) == 2, found)
            check("and the row", sum('"key":{"S":"u7"}' in x["payload"] for x in found) == 1, found)
            check("the empty key is told of", any("attribute `key`: it is part of the table's key and empty" in x["reason"] for x in found), found)
            check("they are counted", pipeline.metric("keyfold_dynamodb_output_refused_total") == 3)
            check("it is ready", pipeline.client.ready(), pipeline.problem())


def deletes(program, folder, server):
    """A group that expires takes its item with it."""
    pipeline = Pipeline(program, folder, server.url, create_table=True)
    pipeline.definition["views"][0]["ttl"] = "10s"
    with pipeline.running():
        pipeline.push([(f"u{i}", "like", 1707605600) for i in range(40)])
        pipeline.until(pipeline.right(server), "counters")
        pipeline.push([("last", "like", 1707605700)])
        pipeline.sent = {("last", "like"): [1707605700]}
        pipeline.until(pipeline.right(server), "expired items to go")


def versions(program, folder, server):
    """Rows of an older epoch do not get over newer ones; those of a newer one do."""
    pipeline = Pipeline(program, folder, server.url, create_table=True, version_attribute="v", marker_table="markers")
    def item(user):
        return server.call("GetItem", TableName=pipeline.table, Key={"key": {"S": user}, "featureName": {"S": "like"}}).get("Item")

    with pipeline.running():
        pipeline.push_many(30)
        pipeline.until(lambda: len(pipeline.items(server)) == 30, "items")
        epoch = int(item("u1")["v"]["N"])
        check("items have their epoch", epoch >= 1, epoch)
        newer = {**item("u1"), "v": {"N": str(epoch + 1000)}, "mark": {"S": "newer"}}
        server.call("PutItem", TableName=pipeline.table, Item=newer)
        pipeline.push_many(30, at=1707605603)
        pipeline.until(lambda: (item("u2") or {}).get("v") != {"N": str(epoch)}, "the next epoch")
        pipeline.until(lambda: pipeline.metric("keyfold_dynamodb_output_held_total") == 1, "one write held back")
        check("the newer one is still there", item("u1") == newer, item("u1"))
        check("it is ready", pipeline.client.ready(), pipeline.problem())
    marker = server.items("markers")
    check("the marker is the newest epoch", marker == [{"pipeline": {"S": "counting-out"}, "epoch": item("u2")["v"]}], marker)
    os.remove(f"{folder}/keyfold.db")
    with pipeline.running(ready=False):
        check("a ledger older than its table is refused", pipeline.process.wait(30) != 0)
        check("with a sentence", "the ledger is older than what was published" in pipeline.process.tail().replace("\n", " "), pipeline.process.tail())


def types(program, folder, server):
    """All types of the definition language, through `latest`."""
    fields = {"id": "string", "at": "timestamp", "flag": "bool", "small": "int32", "large": "int64", "single": "float", "real": "double",
              "money": "decimal(9,2)", "text": "string", "raw": "bytes", "items": "list<int32>", "named": "map<string,double>", "none": "string"}
    pipeline = Pipeline(program, folder, server.url, create_table=True, partition_key="id", timestamps="ms", table="all-types")
    output = pipeline.definition["outputs"][0]
    del output["item"], output["sort_key"]
    row = {"id": "a", "at": "2024-02-29T12:00:00.5Z", "flag": True, "small": -1, "large": 9007199254740993, "single": 0.1, "real": 1e-140,
           "money": "12345.60", "text": "ü\n", "raw": "AAEC/w==", "items": [1, None], "named": {"x": 1.5}, "none": None}
    with open(f"{folder}/in.jsonl", "w") as f:
        f.write(json.dumps(row) + "\n" + json.dumps({**row, "id": ""}) + "\n")
    pipeline.definition |= {
        "streams": [{"name": "rows", "source": {"type": "file", "path": f"{folder}/in.jsonl"}, "event_time": "at", "fields": fields}],
        "entities": [{"name": "thing", "key": ["id"]}],
        "views": [{"name": "newest", "type": "latest", "entity": "thing", "stream": "rows", "columns": [x for x in fields if x != "id"]}]}
    output["views"] = ["newest"]
    del pipeline.definition["outputs"][1:]
    with open(f"{folder}/definition.json", "w") as f:
        json.dump(pipeline.definition, f)
    with Keyfold(program, f"{folder}/definition.json", "--exit-at-end", log=f"{folder}/log", **pipeline.environment) as process:
        check("it ends in good order", process.wait(60) == 0, process.tail())
    want = {"id": {"S": "a"}, "at": {"N": "1709208000500"}, "flag": {"BOOL": True}, "small": {"N": "-1"}, "large": {"N": "9007199254740993"},
            "single": {"N": "0.1"}, "real": {"N": "0"}, "money": {"N": "12345.6"}, "text": {"S": "ü\n"}, "raw": {"B": "AAEC/w=="},
            "items": {"L": [{"N": "1"}, {"NULL": True}]}, "named": {"M": {"x": {"N": "1.5"}}}, "none": {"NULL": True}}
    have = server.items("all-types")
    check("one item, of these types", have == [want], have)
    check("an empty key is a dead letter", len(letters(pipeline)) == 1 and "empty" in letters(pipeline)[0]["reason"], letters(pipeline))


def network(program, folder, server):
    """Cut, stall, slow, reset within a batch: it recovers by itself and ends equal."""
    with FaultProxy("127.0.0.1", server.port) as proxy:
        pipeline = Pipeline(program, folder, f"http://127.0.0.1:{proxy.port}", create_table=True, timeout="2s")
        with pipeline.running():
            pipeline.push_many(200)
            pipeline.until(pipeline.right(server), "counters")
            at = 1707605600
            for fault in (proxy.cut, proxy.stall, lambda: proxy.reset(after=3000, times=6),
                          lambda: proxy.reset(after=100, direction="to_client", times=6), lambda: proxy.slow(latency=0.02)):
                fault()
                at += 1
                pipeline.push_many(200, at=at)
                time.sleep(1.0)
                proxy.heal()
                pipeline.until(pipeline.right(server), "counters after a fault")
            check("connections were broken", proxy.counts.resets > 0, proxy.counts)
            pipeline.until(pipeline.client.ready, "readiness")
            proxy.cut()
            pipeline.push_many(10)
            pipeline.until(lambda: "out" in pipeline.problem() and not pipeline.client.ready(), "a sentence while it is away")
            proxy.heal()
            pipeline.until(pipeline.right(server), "counters at the end")


def restart(program, folder, server):
    """The server is killed and comes back; the ledger holds what it had not confirmed."""
    pipeline = Pipeline(program, folder, server.url, create_table=True)
    with pipeline.running():
        pipeline.push_many(50)
        pipeline.until(pipeline.right(server), "counters")
        server.pause()
        pipeline.push_many(50, name="view")
        time.sleep(0.5)
        server.kill()
        time.sleep(0.5)
        server.start()
        # It keeps its tables in memory: what was there before is gone, and only what changed since comes again.
        pipeline.sent = {(f"u{i}", "view"): [1707605600] for i in range(50)}
        pipeline.until(pipeline.right(server), "what had not been confirmed")
        pipeline.until(pipeline.client.ready, "readiness")


PARTS = [the_document, many, long_throttling, credentials, missing_table, other_key, bad_rows, deletes, versions, types, network, restart]


def main():
    program, names = sys.argv[1], sys.argv[2:]
    skipped = 0
    with tempfile.TemporaryDirectory(prefix="keyfold-dynamodb-") as top:
        try:
            with DynamoDB(top) as server:
                for part in PARTS:
                    if names and part.__name__ not in names:
                        continue
                    folder = os.path.join(top, part.__name__)
                    os.makedirs(folder)
                    begun = time.monotonic()
                    try:
                        part(program, folder, server)
                    except Exception as problem:  # noqa: BLE001
                        check(part.__name__, False, f"{type(problem).__name__}: {problem}")
                    print(f"{part.__name__}: {time.monotonic() - begun:.1f} s", flush=True)
        except Unavailable as reason:
            skipped = 1
            print(f"skipped: the tests with a real DynamoDB Local: {reason}")
    sys.exit(summary(skipped))


main()
