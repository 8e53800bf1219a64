#!/usr/bin/env python3
"""keyfold with outputs to webhooks: real little HTTP servers that take the rows, refuse them, reset, or are away.

usage: run.py KEYFOLD [PART...]     last line: `N passed, N failed`
"""

import contextlib
import json
import os
import ssl
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../support"), os.path.join(HERE, "../servers")]
from checks import check, summary  # noqa: E402
from fault_proxy import FaultProxy  # noqa: E402
from stack import Client, Keyfold, free_port  # noqa: E402
import webhook  # noqa: E402

TOKEN = "token-hunter2-hunter2"


class Receiver(webhook.Receiver):
    def conflict(self, key):
        check("the same key has the same rows", False, key)

    def table(self):
        """What the rows add up to, each key's once: (user, event name) -> count."""
        out = {}
        for row in self.rows():
            out[row["key"]["userId"], row["key"]["eventName"]] = row["value"]["count_1h"]
        return out


class Pipeline:
    """Events pushed over HTTP, counted per user and event name, each change to a webhook."""

    def __init__(self, program, folder, url, **output):
        self.program, self.folder = program, folder
        self.client = Client(free_port())
        self.definition = {
            "application": "counting",
            "streams": [{"name": "events", "source": {"type": "http_push"}, "event_time": "eventTs",
                         "fields": {"eventName": "string", "userId": "string", "eventTs": {"type": "timestamp", "unit": "s"}}}],
            "entities": [{"name": "user", "key": ["userId"]}],
            "views": [{"name": "activity", "type": "decayed_counters", "entity": "user", "stream": "events", "group_by": ["eventName"],
                       "time_constants": ["1h"], "measures": [{"name": "count", "function": "count"}]}],
            "outputs": [{"name": "out", "type": "webhook", "url": url, "views": ["activity"], "token": "${TOKEN}",
                         "headers": {"X-Team": "${TEAM}"}, **output}],
            "dead_letter": {"type": "file", "path": f"{folder}/bad.jsonl"},
            "ledger": {"path": f"{folder}/keyfold.db", "epoch_interval": "50ms"},
            "serving": {"port": int(self.client.base.rpartition(":")[2])},
        }
        self.sent = {}

    @contextlib.contextmanager
    def running(self):
        path = f"{self.folder}/definition.json"
        with open(path, "w") as f:
            json.dump(self.definition, f)
        with Keyfold(self.program, path, log=f"{self.folder}/log", TOKEN=TOKEN, TEAM="team-hunter2") as self.process:
            self.until(lambda: self.client.get("/health")[0] == 200, "an answer")
            yield self
            if self.process.process.poll() is None:
                check("it stops in good order", self.process.stop() == 0, self.process.tail())
        with open(f"{self.folder}/log") as f:
            check("no secret is in the log", "hunter2" not in f.read())

    def until(self, condition, what, seconds=40):
        self.process.wait_until(condition, seconds, what)

    def push(self, users, name="like"):
        """One event of each, all at the same time."""
        self.client.push("events", [{"userId": user, "eventName": name, "eventTs": 1707605600} for user in users])
        for user in users:
            self.sent[user, name] = self.sent.get((user, name), 0) + 1

    def problem(self):
        return self.client.get("/ready")[1]

    def letters(self):
        try:
            with open(f"{self.folder}/bad.jsonl") as f:
                return [json.loads(line)["value"] for line in f]
        except FileNotFoundError:
            return []


def users(count, first=0):
    return [f"u{i}" for i in range(first, first + count)]


# --- the parts; each gets the program and an empty folder --------------------------------------------------------------------


def batches(program, folder):
    """Arrays of so many rows, with token, headers and keys; rows that are deleted have a null."""
    with Receiver() as receiver:
        pipeline = Pipeline(program, folder, receiver.url, batch_rows=40)
        pipeline.definition["views"][0]["ttl"] = "10s"
        with pipeline.running():
            pipeline.push(users(100))
            pipeline.until(lambda: receiver.table() == pipeline.sent, "all rows")
            check("in three requests", sorted(len(body) for body in receiver.taken.values()) == [20, 40, 40], receiver.taken.keys())
            key, headers, body = receiver.requests[0]
            check("the first key", key == "counting-out-1-0", key)
            check("the token is sent", headers["Authorization"] == "Bearer " + TOKEN, headers)
            check("the header is sent", headers["X-Team"] == "team-hunter2" and headers["Content-Type"] == "application/json", headers)
            check("a row is key and value", body[0]["value"]["count_1h"] == 1.0 and body[0]["key"]["eventName"] == "like", body[0])
            check("it is ready", pipeline.client.ready(), pipeline.problem())


def singles(program, folder):
    """One row a request, each an object, by PUT, with a key under another header too."""
    with Receiver() as receiver:
        pipeline = Pipeline(program, folder, receiver.url, batch_rows=1, method="PUT", max_in_flight=4)
        with pipeline.running():
            pipeline.push(users(30))
            pipeline.until(lambda: receiver.table() == pipeline.sent, "all rows")
            check("each is an object", all(isinstance(body, dict) for body in receiver.taken.values()))
            check("keys differ", len(receiver.taken) == 30, len(receiver.taken))


def repeated(program, folder):
    """Errors, requests to wait, and a connection that is reset when the rows were taken: all is sent again, under the same key."""
    with Receiver() as receiver:
        turns = {1: 503, 2: (429, {"Retry-After": "1"}, ""), 3: "reset", 5: 500, 6: "reset", 8: 408, 9: 409}
        receiver.rule = lambda number, request, body: turns.get(number)
        pipeline = Pipeline(program, folder, receiver.url, batch_rows=10)
        with pipeline.running():
            begun = time.monotonic()
            pipeline.push(users(50))
            pipeline.until(lambda: receiver.table() == pipeline.sent, "all rows")
            check("Retry-After was waited for", time.monotonic() - begun >= 1, time.monotonic() - begun)
            pipeline.until(lambda: receiver.repeated == 2, "what was reset comes again")
            pipeline.until(pipeline.client.ready, "readiness")
            check("nothing is a dead letter", not pipeline.letters())


def refused(program, folder):
    """Rows that the receiver does not take are found by halving, and are dead letters; all others arrive."""
    with Receiver() as receiver:
        def rule(number, request, body):
            bad = [row["key"]["userId"] for row in body if row["key"]["userId"] in ("u7", "u33")]
            return (422, {}, f"bad: {bad} {TOKEN}") if bad else None

        receiver.rule = rule
        pipeline = Pipeline(program, folder, receiver.url)
        with pipeline.running():
            pipeline.push(users(50))
            del pipeline.sent["u7", "like"], pipeline.sent["u33", "like"]
            pipeline.until(lambda: receiver.table() == pipeline.sent, "all other rows")
            pipeline.until(lambda: len(pipeline.letters()) == 2, "two dead letters")
            letters = pipeline.letters()
            check("with the answer", all("422: bad:" in x["reason"] for x in letters), letters)
            check("without the token", all(TOKEN not in x["reason"] for x in letters), letters)
            check("with the row", {json.loads(x["payload"])["key"]["userId"] for x in letters} == {"u7", "u33"}, letters)
            check("it is ready", pipeline.client.ready(), pipeline.problem())


def closed(program, folder):
    """A receiver that takes nothing of us is waited for, and a sentence says so; nothing is thrown away."""
    with Receiver() as receiver:
        receiver.rule = lambda number, request, body: 401
        pipeline = Pipeline(program, folder, receiver.url + "?secret=hunter2-query")
        with pipeline.running():
            pipeline.push(users(5))
            pipeline.until(lambda: "answers 401" in pipeline.problem(), "a sentence")
            check("it says what to do", "see to its URL, and to the token" in pipeline.problem(), pipeline.problem())
            check("without what may be secret in the URL", "hunter2" not in pipeline.problem(), pipeline.problem())
            receiver.rule = lambda number, request, body: (301, {"Location": "http://elsewhere/"}, "")
            pipeline.until(lambda: "redirects are not followed" in pipeline.problem(), "a sentence about the redirect")
            receiver.rule = lambda number, request, body: None
            pipeline.until(lambda: receiver.table() == pipeline.sent, "all rows")
            pipeline.until(pipeline.client.ready, "readiness")


def network(program, folder):
    """Cut, stall, slow, reset within a batch, and a receiver that is not there at the start."""
    port = free_port()
    with FaultProxy("127.0.0.1", port) as proxy:
        pipeline = Pipeline(program, folder, f"http://127.0.0.1:{proxy.port}/hook", batch_rows=20, timeout="1s")
        with pipeline.running():
            pipeline.push(users(20))
            pipeline.until(lambda: "cannot be reached" in pipeline.problem(), "a sentence while nobody is there")
            with Receiver(port=port) as receiver:
                pipeline.until(lambda: receiver.table() == pipeline.sent, "all rows")
                for fault in (proxy.cut, proxy.stall, lambda: proxy.reset(after=500, times=3),
                              lambda: proxy.reset(after=5, direction="to_client", times=3), lambda: proxy.slow(latency=0.02)):
                    fault()
                    pipeline.push(users(100))
                    time.sleep(0.7)
                    proxy.heal()
                    pipeline.until(lambda: receiver.table() == pipeline.sent, "all rows after a fault")
                check("connections were broken", proxy.counts.resets > 0, proxy.counts)
                pipeline.until(pipeline.client.ready, "readiness")


def kills(program, folder):
    """kill -9 at random moments: with the keys remembered, no row is missing and none counts twice."""
    with Receiver() as receiver:
        pipeline = Pipeline(program, folder, receiver.url, batch_rows=10)
        pipeline.definition["outputs"][0]["every_change"] = True
        for number in range(5):
            with pipeline.running():
                for part in range(4):
                    pipeline.push(users(50, first=10 * part))
                time.sleep(0.03 * number)
                pipeline.process.kill()
        with pipeline.running():
            pipeline.until(lambda: receiver.table() == pipeline.sent, "all rows")
            check("each change came once", len(receiver.rows()) == 5 * 4 * 50, len(receiver.rows()))


def certificates(program, folder):
    """TLS: an authority that is not known is refused; the file makes it known."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                    "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem"],
                   check=True, capture_output=True)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(f"{folder}/cert.pem", f"{folder}/key.pem")
    with Receiver(tls=tls) as receiver:
        pipeline = Pipeline(program, folder, receiver.url)
        with pipeline.running():
            pipeline.push(users(3))
            pipeline.until(lambda: "certificate" in pipeline.problem(), "a sentence about the certificate")
            pipeline.process.kill()
        pipeline.definition["outputs"][0]["ca_certificate"] = f"{folder}/cert.pem"
        with pipeline.running():
            pipeline.until(lambda: receiver.table() == pipeline.sent, "all rows")


PARTS = [batches, singles, repeated, refused, closed, network, kills, certificates]


def main():
    program, names = sys.argv[1], sys.argv[2:]
    with tempfile.TemporaryDirectory(prefix="keyfold-webhook-") as top:
        for part in PARTS:
            if names and part.__name__ not in names:
                continue
            folder = os.path.join(top, part.__name__)
            os.makedirs(folder)
            begun = time.monotonic()
            try:
                part(program, folder)
            except Exception as problem:  # noqa: BLE001
                check(part.__name__, False, f"{type(problem).__name__}: {problem}")
            print(f"{part.__name__}: {time.monotonic() - begun:.1f} s", flush=True)
    sys.exit(summary())


main()
