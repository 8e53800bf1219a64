"""What the Python programs of tests/, bench/ and examples/ start: a broker, keyfold, kcat. All on 127.0.0.1."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

TREE = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))


def free_port(count=1):
    """A port that is free now, and so are the `count` - 1 after it."""
    while True:
        with contextlib.ExitStack() as held:
            first = held.enter_context(socket.socket())
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            try:
                for offset in range(1, count):
                    held.enter_context(socket.socket()).bind(("127.0.0.1", port + offset))
            except OSError:
                continue
            return port


class Broker:
    """A Kafka of its own, with its data in `directory`; wiped at the end. Raises RuntimeError with the reason if there is none to
    be had."""

    SCRIPT = os.path.join(TREE, "tests/servers/kafka")

    def __init__(self, directory, heap="512m"):
        self._environment = {**os.environ, "KAFKA_DIR": os.path.join(directory, "kafka"), "KAFKA_HEAP": heap}
        self.address = self._call("start", str(free_port(2))).strip()

    def _call(self, *arguments):
        done = subprocess.run([self.SCRIPT, *arguments], env=self._environment, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"tests/servers/kafka {arguments[0]}: {done.stderr.strip()}")
        return done.stdout

    def topic(self, name, partitions, **settings):
        self._call("topic", name, str(partitions), *(f"{k.replace('_', '.')}={v}" for k, v in settings.items()))

    def restart(self):
        self._call("restart")

    def read(self, topic, separator="\t"):
        """All committed records of a topic: lists of key, value and timestamp in ms; None for a tombstone's value."""
        command = ["kcat", "-C", "-b", self.address, "-t", topic, "-e", "-q", "-o", "beginning", "-Z",
                   "-X", "isolation.level=read_committed", "-f", f"%T{separator}%k{separator}%s\n"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as kcat:
            for line in kcat.stdout:
                at, key, value = line.rstrip("\n").split(separator, 2)
                yield key, None if value == "NULL" else value, int(at)
        if kcat.returncode:
            raise RuntimeError(f"kcat could not read {topic}: status {kcat.returncode}")

    def write(self, topic, lines, partition=None):
        """Appends a record without a key for each line; where no partition is named, to any."""
        command = ["kcat", "-P", "-b", self.address, "-t", topic, *([] if partition is None else ["-p", str(partition)])]
        subprocess.run(command, input="".join(line + "\n" for line in lines), text=True, check=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._call("stop", "--wipe")


class Keyfold:
    """A running `keyfold run`, its output in `log`. Ends it when left."""

    def __init__(self, program, definition, *arguments, log, **environment):
        self.log = log
        with open(log, "a") as out:
            self.process = subprocess.Popen([program, "run", definition, *arguments], stdout=out, stderr=out,
                                            stdin=subprocess.DEVNULL, env={**os.environ, **environment})

    def kill(self):
        self.process.kill()
        self.process.wait()

    def wait(self, seconds):
        """Until it ends by itself; its exit status."""
        return self.process.wait(seconds)

    def stop(self, seconds=60):
        """In good order, as a service manager would; its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def wait_until(self, condition, seconds, what):
        end = time.monotonic() + seconds
        while not condition():
            if self.process.poll() is not None:
                raise RuntimeError(f"keyfold ended with status {self.process.returncode} before {what}:\n{self.tail()}")
            if time.monotonic() > end:
                raise RuntimeError(f"no {what} within {seconds} s:\n{self.tail()}")
            time.sleep(0.05)

    def tail(self, lines=15):
        with open(self.log, errors="replace") as f:
            return "".join(f.readlines()[-lines:])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.kill()


class Client:
    """Of keyfold's HTTP server."""

    def __init__(self, port, host="127.0.0.1"):
        self.base = f"http://{host}:{port}"

    def get(self, path, seconds=10):
        """Status and body. Status 0: no answer, the body says why."""
        try:
            with urllib.request.urlopen(self.base + path, timeout=seconds) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refusal:
            return refusal.code, refusal.read().decode()
        except OSError as problem:
            return 0, str(problem)

    def push(self, stream, events, seconds=30):
        """Events as objects. What the server has no room for yet, as before its source has begun, is pushed again."""
        body = "".join(json.dumps(event) + "\n" for event in events).encode()
        until = time.monotonic() + seconds
        while True:
            try:
                with urllib.request.urlopen(f"{self.base}/push?stream={stream}", body, timeout=seconds) as answer:
                    answer.read()
                    return
            except urllib.error.HTTPError as refusal:
                code = json.loads(refusal.read() or "{}").get("code")
                if code not in ("overloaded", "not_started") or time.monotonic() > until:
                    raise
            time.sleep(0.05)

    def ready(self):
        return self.get("/ready")[0] == 200

    def entity(self, entity, key, **query):
        """The features of a key: name -> value, or None if the entity does not have it."""
        query = "?" + urllib.parse.urlencode(query) if query else ""
        status, body = self.get(f"/v1/entities/{entity}/{urllib.parse.quote(key, safe='')}{query}")
        if status == 404:
            return None
        if status != 200:
            raise RuntimeError(f"GET of {entity} {key}: {status} {body}")
        return {name: x["value"] for name, x in json.loads(body)["features"].items()}
