"""A real DynamoDB Local, its tables as a client sees them, and a proxy that fakes what it never does: throttling, unprocessed
items, checks of signatures, other clocks."""

import contextlib
import datetime
import email.utils
import hashlib
import hmac
import http.client
import http.server
import json
import os
import re
import subprocess
import threading
import time

from stack import TREE, free_port


class Unavailable(RuntimeError):
    """No server is to be had; says why."""


class DynamoDB:
    """A server of its own, in memory. Raises Unavailable with the reason if there is none to be had."""

    SCRIPT = os.path.join(TREE, "tests/servers/dynamodb")

    def __init__(self, directory, heap="256m"):
        self._environment = {**os.environ, "DYNAMODB_DIR": os.path.join(directory, "dynamodb"), "DYNAMODB_HEAP": heap}
        self.port = free_port()
        self.start()

    def _call(self, *arguments):
        done = subprocess.run([self.SCRIPT, *arguments], env=self._environment, capture_output=True, text=True)
        if done.returncode == 77:
            raise Unavailable(done.stderr.strip())
        if done.returncode:
            raise RuntimeError(f"tests/servers/dynamodb {arguments[0]}: {done.stderr.strip()}")
        return done.stdout

    def start(self):
        """On the same port as before. Its tables are gone."""
        self.url = self._call("start", str(self.port)).strip()

    def __getattr__(self, name):
        if name not in ("kill", "pause", "resume"):
            raise AttributeError(name)
        return lambda: self._call(name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self._call("stop", "--wipe")

    def call(self, operation, **body):
        """The answer; RuntimeError with its text where it is no success."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("POST", "/", json.dumps(body), {
                "Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "DynamoDB_20120810." + operation,
                # Not checked, but it must be there.
                "Authorization": "AWS4-HMAC-SHA256 Credential=test/20240101/us-east-1/dynamodb/aws4_request, "
                                 "SignedHeaders=host, Signature=0"})
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        if answer.status != 200:
            raise RuntimeError(f"{operation}: {answer.status} {text}")
        return json.loads(text)

    def create(self, table, partition, sort=None):
        keys = [(partition, "HASH")] + ([(sort, "RANGE")] if sort else [])
        self.call("CreateTable", TableName=table, BillingMode="PAY_PER_REQUEST",
                  KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],
                  AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in keys])

    def delete(self, table):
        self.call("DeleteTable", TableName=table)

    def items(self, table):
        """All items of a table as DynamoDB writes them."""
        start, out = {}, []
        while True:
            answer = self.call("Scan", TableName=table, ConsistentRead=True, **start)
            out += answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return out
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


def plain(attribute):
    """A value without its type; numbers as float where they have a point."""
    (kind, value), = attribute.items()
    if kind == "N":
        return int(value) if re.fullmatch(r"-?\d+", value) else float(value)
    if kind == "M":
        return {name: plain(x) for name, x in value.items()}
    if kind == "L":
        return [plain(x) for x in value]
    return None if kind == "NULL" else value


def _hmac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def signature_of(secret, headers, authorization, body):
    """What the signature must be, computed without keyfold: https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html"""
    scope = re.search(r"Credential=[^/]+/([^,]+)", authorization)[1]
    names = re.search(r"SignedHeaders=([^,]+)", authorization)[1]
    canonical = "\n".join(["POST", "/", "", *(f"{name}:{' '.join(headers[name].split())}" for name in names.split(";")), "",
                           names, hashlib.sha256(body).hexdigest()])
    text = "\n".join(["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + secret).encode()
    for part in scope.split("/"):
        key = _hmac(key, part)
    return _hmac(key, text).hex()


class Faker:
    """In front of DynamoDB Local: checks signatures as AWS does, and answers as a rule says instead of passing on.

    rule(operation, body) -> None: pass it on; (status, type, message): that error; a number: so many rows of a batch are left
    unprocessed."""

    def __init__(self, server, keys=None):
        self.server = server
        self.keys = keys or {}      # access key -> secret key, or (secret, session token); empty: signatures are not checked
        self.rule = lambda operation, body: None
        self.skew = 0.0             # seconds that this server's clock is ahead
        self.lock = threading.Lock()
        self.operations = []
        self.signatures = 0         # that were right
        self.running = self.most_running = 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self):
                outer._answer(self)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, *_):
                pass  # a connection that keyfold gave up

        self.http = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.http.server_close()

    def _answer(self, request):
        body = request.rfile.read(int(request.headers["Content-Length"]))
        operation = request.headers["X-Amz-Target"].rpartition(".")[2]
        with self.lock:
            self.operations.append(operation)
            self.running += 1
            self.most_running = max(self.most_running, self.running)
        try:
            status, text = self._decide(request, operation, body)
        finally:
            with self.lock:
                self.running -= 1
        with contextlib.suppress(ConnectionError):  # keyfold was ended
            request.send_response_only(status)
            request.send_header("Date", email.utils.formatdate(time.time() + self.skew, usegmt=True))
            request.send_header("Content-Length", str(len(text)))
            request.end_headers()
            request.wfile.write(text)

    def _decide(self, request, operation, body):
        refusal = self._refusal(request, body)
        said = None if refusal else self.rule(operation, json.loads(body))
        if isinstance(said, tuple):
            refusal = said
        if refusal:
            status, kind, message = refusal
            return status, json.dumps({"__type": "com.amazon.coral.service#" + kind, "message": message}).encode()
        left = {}
        if said:
            asked = json.loads(body)
            for table, rows in asked["RequestItems"].items():
                left[table] = rows[len(rows) - said:]
                asked["RequestItems"][table] = rows[:len(rows) - said]
            if not any(asked["RequestItems"].values()):
                return 200, json.dumps({"UnprocessedItems": left}).encode()
            body = json.dumps(asked).encode()
        status, text = self._pass_on(request, body)
        return status, json.dumps({"UnprocessedItems": left}).encode() if left and status == 200 else text

    def _refusal(self, request, body):
        if not self.keys:
            return None
        authorization = request.headers["Authorization"]
        access = re.search(r"Credential=([^/]+)/", authorization)[1]
        if access not in self.keys:
            return 400, "UnrecognizedClientException", "The security token included in the request is invalid."
        known = self.keys[access]
        secret, token = known if isinstance(known, tuple) else (known, None)
        if request.headers["X-Amz-Security-Token"] != token:
            return 400, "ExpiredTokenException", "The security token included in the request is expired"
        at = datetime.datetime.strptime(request.headers["X-Amz-Date"], "%Y%m%dT%H%M%S%z").timestamp()
        if abs(at - time.time() - self.skew) > 300:
            return 400, "InvalidSignatureException", "Signature expired: it is not within 5 min. of this clock"
        headers = {name.lower(): value for name, value in request.headers.items()}
        if signature_of(secret, headers, authorization, body) != re.search(r"Signature=(\w+)", authorization)[1]:
            return 400, "InvalidSignatureException", "The request signature we calculated does not match"
        with self.lock:
            self.signatures += 1
        return None

    def _pass_on(self, request, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        try:
            connection.request("POST", "/", body, {name: request.headers[name] for name in (
                "Content-Type", "X-Amz-Target", "X-Amz-Date", "Authorization")})
            answer = connection.getresponse()
            return answer.status, answer.read()
        except OSError as problem:
            return 503, str(problem).encode()
        finally:
            connection.close()
