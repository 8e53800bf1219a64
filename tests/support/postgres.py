"""A real PostgreSQL of its own on 127.0.0.1, and psql as its plain client, for the Python programs of tests/, bench/ and examples/."""

import json
import os
import subprocess

import stack

SCRIPT = os.path.join(stack.TREE, "tests/servers/postgres")
PASSWORD = "keyfold-secret"


class Unavailable(RuntimeError):
    """There is no server to be had; the text says why."""


class Server:
    """Its log in `directory`, wiped at the end. What was committed outlives `kill`."""

    def __init__(self, directory):
        self._environment = {**os.environ, "POSTGRES_DIR": os.path.join(directory, "postgres")}
        self.port = stack.free_port()
        self.start()

    @property
    def url(self):
        """Without the password, which is PASSWORD."""
        return self.url_at(self.port)

    @staticmethod
    def url_at(port):
        return f"postgresql://keyfold@127.0.0.1:{port}/keyfold"

    def _call(self, *arguments, **options):
        done = subprocess.run([SCRIPT, *arguments], env=self._environment, capture_output=True, text=True, **options)
        if done.returncode == 77:
            raise Unavailable(done.stderr.strip())
        if done.returncode:
            raise RuntimeError(f"tests/servers/postgres {arguments[0]}: {done.stderr.strip()}")
        return done.stdout

    def start(self):
        self._call("start", str(self.port))

    def kill(self):
        self._call("kill")

    def stop(self):
        self._call("stop")

    def restart(self):
        self._call("restart")

    def sql(self, text):
        """Runs statements; what they print, a line a row, columns separated by `|`."""
        return self._call("psql", "-qAt", "-v", "ON_ERROR_STOP=1", "-f", "-", input=text).rstrip("\n")

    def rows(self, table):
        """All rows of a table, or of a query in parentheses, as dicts."""
        return json.loads(self.sql(f"SET TimeZone = 'UTC'; SELECT coalesce(json_agg(x), '[]') FROM {table} AS x"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._call("stop", "--wipe")


def literal(value):
    """A value as SQL has it."""
    if value is None:
        return "NULL"
    if isinstance(value, (int, float)):
        return str(value)
    return "'" + value.replace("'", "''") + "'"
