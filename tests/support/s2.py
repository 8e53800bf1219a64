"""A real S2 of its own on 127.0.0.1, and a plain client of it, for the Python programs of tests/, bench/ and examples/."""

import base64
import http.client
import json
import os
import subprocess
import urllib.parse

import stack

SCRIPT = os.path.join(stack.TREE, "tests/servers/s2")
BASIN = "keyfold-test"
MOST_RECORDS = 1000  # of one append
MOST_BYTES = 700_000  # of their bodies: well below the service's 1 MiB with all that is counted beside them


class Unavailable(RuntimeError):
    """There is no server to be had; the text says why."""


class Server:
    """Its data in `directory`, wiped at the end. Acknowledged records outlive `kill`."""

    def __init__(self, directory, store="disk"):
        self._environment = {**os.environ, "S2_DIR": os.path.join(directory, "s2"), "S2_STORE": store, "S2_BASIN": BASIN}
        self.port = stack.free_port()
        self.url = self._call("start", str(self.port)).strip()
        self._client = Client(self.url)

    def _call(self, *arguments):
        done = subprocess.run([SCRIPT, *arguments], env=self._environment, capture_output=True, text=True)
        if done.returncode == 77:
            raise Unavailable(done.stderr.strip())
        if done.returncode:
            raise RuntimeError(f"tests/servers/s2 {arguments[0]}: {done.stderr.strip()}")
        return done.stdout

    def kill(self):
        self._call("kill")

    def start(self):
        self._call("start", str(self.port))

    def restart(self):
        self.kill()
        self.start()

    def create(self, stream):
        self._client.create(stream)

    def exists(self, stream):
        return self._client.exists(stream)

    def append(self, stream, bodies):
        self._client.append(stream, bodies)

    def read(self, stream):
        return self._client.read(stream)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._call("stop", "--wipe")


class Client:
    def __init__(self, url):
        self._host = urllib.parse.urlsplit(url).netloc
        self._connection = None

    def ask(self, method, target, body=None):
        """Status and text; connects anew once."""
        headers = {"s2-basin": BASIN, "s2-format": "base64", "content-type": "application/json"}
        for attempt in range(2):
            if self._connection is None:
                self._connection = http.client.HTTPConnection(self._host, timeout=30)
            try:
                self._connection.request(method, "/v1/streams" + target, body, headers)
                answer = self._connection.getresponse()
                return answer.status, answer.read().decode()
            except (OSError, http.client.HTTPException):
                self._connection.close()
                self._connection = None
                if attempt:
                    raise
        raise AssertionError

    def _must(self, *request):
        status, text = self.ask(*request)
        if status // 100 != 2:
            raise RuntimeError(f"{request[0]} {request[1]}: {status} {text}")
        return json.loads(text) if text else None

    @staticmethod
    def _path(stream):
        return "/" + urllib.parse.quote(stream, safe="")

    def create(self, stream):
        self._must("PUT", self._path(stream), "{}")

    def exists(self, stream):
        return self.ask("GET", self._path(stream) + "/records/tail")[0] == 200

    def append(self, stream, bodies):
        """A record for each body, bytes or text."""
        batch, size = [], 0
        for body in bodies:
            body = body.encode() if isinstance(body, str) else body
            if batch and (len(batch) == MOST_RECORDS or size + len(body) > MOST_BYTES):
                self._send(stream, batch)
                batch, size = [], 0
            batch.append(body)
            size += len(body) + 64
        if batch:
            self._send(stream, batch)

    def _send(self, stream, batch):
        records = [{"body": base64.b64encode(x).decode()} for x in batch]
        self._must("POST", self._path(stream) + "/records", json.dumps({"records": records}))

    def tail(self, stream):
        return self._must("GET", self._path(stream) + "/records/tail")["tail"]["seq_num"]

    def read(self, stream):
        """All records but commands: headers (a dict) and body, text."""
        def text(x):
            return base64.b64decode(x).decode()

        position, end = 0, self.tail(stream)
        while position < end:
            for x in self._must("GET", f"{self._path(stream)}/records?seq_num={position}&count={MOST_RECORDS}")["records"]:
                position = x["seq_num"] + 1
                headers = {text(name): text(value) for name, value in x.get("headers", [])}
                if list(headers) != [""]:
                    yield headers, text(x.get("body", ""))


def upserts(records):
    """What upserts make, materialised: key, as JSON text, -> value."""
    out = {}
    for headers, body in records:
        if headers["@action"] == "d":
            if body:
                raise RuntimeError(f"the delete of {headers['@key']} has a body")
            out.pop(headers["@key"], None)
        else:
            out[headers["@key"]] = json.loads(body)
    return out
