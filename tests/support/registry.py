"""A schema registry for the Python programs of tests/, bench/ and examples/, and values in Avro for it."""

import json
import os
import subprocess
import urllib.request

import stack


class Registry:
    """A registry of its own (Apicurio, in memory), with its logs in `directory`; wiped at the end. Raises RuntimeError with the reason
    if there is none to be had."""

    SCRIPT = os.path.join(stack.TREE, "tests/servers/registry")

    def __init__(self, directory):
        self._environment = {**os.environ, "REGISTRY_DIR": os.path.join(directory, "registry")}
        self.url = self._call("start", str(stack.free_port())).strip()

    def _call(self, *arguments):
        done = subprocess.run([self.SCRIPT, *arguments], env=self._environment, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"tests/servers/registry {arguments[0]}: {done.stderr.strip()}")
        return done.stdout

    def register(self, subject, schema):
        """The number of the schema, a text."""
        request = urllib.request.Request(f"{self.url}/subjects/{subject}/versions", json.dumps({"schema": schema}).encode(),
                                         {"Content-Type": "application/vnd.schemaregistry.v1+json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["id"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._call("stop", "--wipe")


def framed(number, schema, row):
    """A row in Confluent's frame: a record whose fields are strings."""
    body = b"".join(_string(row[field["name"]]) for field in json.loads(schema)["fields"])
    return b"\0" + number.to_bytes(4, "big") + body


def _string(text):
    encoded = text.encode()
    return _long(len(encoded)) + encoded


def _long(x):
    x = (x << 1) ^ (x >> 63)
    out = bytearray()
    while x > 0x7f:
        out.append(x & 0x7f | 0x80)
        x >>= 7
    out.append(x)
    return bytes(out)
