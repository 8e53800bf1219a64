"""What the check.py of every example shares: keyfold with a definition, comparisons that are counted, the command line."""

import argparse
import collections
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tests/support"))
import stack  # noqa: E402

SHOWN = 10  # of the differences of one comparison


class Comparison:
    """Compares what keyfold says with what is true: counts, shows the first differences, ends with a line."""

    def __init__(self, title):
        self.title, self.compared, self.failed = title, 0, 0

    def differs(self, sentence):
        self.failed += 1
        if self.failed <= SHOWN:
            print(f"  {sentence}", flush=True)

    def value(self, what, have, want, same=lambda a, b: a == b):
        self.compared += 1
        if not same(have, want):
            self.differs(f"{what}: {have!r} instead of {want!r}")

    def eventually(self, what, read, want, seconds=20):
        """As `value`, of what may be on its way still: reads it again until it is as wanted. Once something differs nothing is waited for."""
        end = time.monotonic() + (0 if self.failed else seconds)
        while (have := read()) != want and time.monotonic() < end:
            time.sleep(0.05)
        self.value(what, have, want)

    def rows(self, have, want):
        """Compares two collections of rows, each any value that JSON knows, whatever their order."""
        have, want = (collections.Counter(json.dumps(row, sort_keys=True) for row in rows) for rows in (have, want))
        self.compared += max(have.total(), want.total())
        for row, count in (want - have).items():
            self.differs(f"missing: {row}" + (f", {count} times" if count > 1 else ""))
        for row, count in (have - want).items():
            self.differs(f"not expected: {row}" + (f", {count} times" if count > 1 else ""))

    def report(self):
        """Prints the result; the number of differences. That nothing was compared is one, too."""
        print(f"{self.title}: {self.compared} values compared, {self.failed} differ", flush=True)
        return self.failed or int(self.compared == 0)


class Example:
    """keyfold with a definition and a directory for its files.

    The definition finds in its environment EVENTS, UPSERTS (files of that name in the directory), STORE (the ledger) and PORT,
    and whatever else is given.
    """

    def __init__(self, program, definition, directory, **environment):
        self.program, self.definition, self.directory = program, definition, directory
        os.makedirs(directory, exist_ok=True)
        self.client = stack.Client(stack.free_port())
        self.environment = {"EVENTS": self.path("events.json"), "UPSERTS": self.path("upserts.json"), "STORE": self.path("ledger.db"),
                            "PORT": self.client.base.rpartition(":")[2], **environment}

    def path(self, name):
        return os.path.join(self.directory, name)

    def start(self, *arguments):
        return stack.Keyfold(self.program, self.definition, *arguments, log=self.path("log"), **self.environment)

    def fold_all(self):
        """Reads all inputs to the end of what they hold now, publishes, ends."""
        with self.start("--exit-at-end") as process:
            status = process.wait(600)
            if status:
                raise RuntimeError(f"keyfold ended with status {status}:\n{process.tail()}")

    @contextlib.contextmanager
    def serving(self, until=lambda: True, what="what was waited for"):
        """A client, while the process runs and once `until` holds; it ends in good order, so that all it has read is published."""
        with self.start() as self.process:
            self.wait_until(self.client.ready, "answer to /ready")
            self.wait_until(until, what)
            yield self.client
            if self.process.stop():
                raise RuntimeError(f"SIGTERM did not end it with status 0:\n{self.process.tail()}")

    def wait_until(self, condition, what, seconds=120):
        """Of the process that `serving` runs."""
        self.process.wait_until(condition, seconds, what)

    def folded(self, view, rows):
        """A condition: the view has folded so many rows."""
        return lambda: (self.metric("keyfold_view_rows_total", view=view) or 0) >= rows

    def metric(self, name, **labels):
        """The sum of a metric over the series that have these labels; None while it cannot be read."""
        lines = self._lines_of_metric(name, labels)
        return None if lines is None else sum(float(line.rpartition(" ")[2]) for line in lines)

    def series(self, name, **labels):
        """How many series of a metric have these labels; None while it cannot be read."""
        lines = self._lines_of_metric(name, labels)
        return None if lines is None else len(lines)

    def _lines_of_metric(self, name, labels):
        status, text = self.client.get("/metrics")
        if status != 200:
            return None
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        return [line for line in text.splitlines() if line.startswith((name + "{", name + " ")) and all(label in line for label in wanted)]

    def table(self, target, *arguments):
        """What `keyfold tail` makes of upserts: (key fields) -> columns."""
        done = subprocess.run([self.program, "tail", "--json", target, *arguments], stdout=subprocess.PIPE, check=True, text=True)
        rows = (json.loads(line) for line in done.stdout.splitlines())
        return {tuple(row["key"].values()): row["value"] for row in rows}


class Place:
    """Where a run's inputs and its output are, and the environment that tells a definition of it. Base of Files and Topics."""

    def __init__(self, directory, partitions, environment):
        self.directory, self.partitions, self.environment = directory, partitions, environment
        self._appended = collections.defaultdict(list)
        os.makedirs(directory)

    def append(self, name, rows):
        """To all partitions in turn, so that each is as ordered as the rows."""
        for partition in range(self.partitions):
            share = rows[partition::self.partitions]
            self._appended[name, partition] += share
            self._write(name, partition, [json.dumps(row) for row in share])

    def watermark(self, seconds, max_delay):
        """What event time comes to, in seconds since 1970, when all that was appended has been read. seconds(row): its event time."""
        newest = min(max(map(seconds, rows)) for rows in self._appended.values())
        return newest - max_delay - 1e-6  # another event of the newest time may yet come


class Files(Place):
    """Files in the directory: NAME.json, which a definition finds as ${NAME}."""

    def __init__(self, directory, inputs, output):
        self._paths = {name: os.path.join(directory, name + ".json") for name in (*inputs, output)}
        super().__init__(directory, 1, {name.upper(): path for name, path in self._paths.items()})
        self._output = self._paths[output]
        for name in inputs:
            self._write(name, 0, [])

    def _write(self, name, _, lines):
        with open(self._paths[name], "a") as f:
            f.writelines(line + "\n" for line in lines)

    def rows(self):
        """What keyfold has published."""
        return lines_of(self._output)


class Topics(Place):
    """Topics of a broker: the run's name, `-`, NAME. A definition finds ${BROKERS}, ${PREFIX} and ${APPLICATION}, each run's own."""

    def __init__(self, directory, inputs, output, broker, partitions):
        self._prefix, self._broker = os.path.basename(directory) + "-", broker
        super().__init__(directory, partitions,
                         {"BROKERS": broker.address, "PREFIX": self._prefix, "APPLICATION": self._prefix + "example"})
        self._output = self._prefix + output
        for name in (*inputs, output):
            broker.topic(self._prefix + name, partitions)

    def _write(self, name, partition, lines):
        self._broker.write(self._prefix + name, lines, partition)

    def rows(self):
        """What keyfold has published."""
        return [json.loads(value) for _, value, _ in self._broker.read(self._output)]


def lines_of(path):
    """The values of a file of JSON lines."""
    with open(path) as f:
        return [json.loads(line) for line in f]


def write_lines(path, rows):
    with open(path, "w") as f:
        f.writelines(json.dumps(row) + "\n" for row in rows)


def places(run, inputs, output):
    """on_files and on_kafka of `main` for an example that does the same with both: run(options, place), where place(name, partitions=1)
    makes the Files or the Topics of a run of that name."""
    def on_files(options, directory):
        return run(options, lambda name, partitions=1: Files(os.path.join(directory, name), inputs, output))

    def on_kafka(options, directory, broker):
        return run(options, lambda name, partitions=1: Topics(os.path.join(directory, name), inputs, output, broker, partitions))

    return on_files, on_kafka


def main(name, description, on_files, on_kafka, add_options=lambda parser: None, on_real=None):
    """The command line of an example. on_files(options, directory), on_kafka(options, directory, broker) and on_real(options, directory),
    which starts what it needs, return how many differences they found; the exit status is 1 if there are any."""
    parser = argparse.ArgumentParser(prog="run", description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keyfold", help="the program (`run` builds and passes it)", required=True)
    parser.add_argument("--kafka", action="store_true", help="between topics of a broker that is started for it")
    if on_real:
        parser.add_argument("--real", action="store_true", help="on the real servers that it was made for, which are started for it")
    parser.add_argument("--seed", type=int, default=1, help="of the events (1)")
    parser.add_argument("--keep", action="store_true", help="keep the directory with events, ledger and results, and name it")
    add_options(parser)
    options = parser.parse_args()
    directory = tempfile.mkdtemp(prefix=name + "-")
    try:
        if options.kafka:
            with stack.Broker(directory) as broker:
                failed = on_kafka(options, directory, broker)
        elif on_real and options.real:
            failed = on_real(options, directory)
        else:
            failed = on_files(options, directory)
    except (RuntimeError, subprocess.SubprocessError) as problem:
        sys.exit(f"run: {problem}")
    finally:
        if options.keep:
            print(f"files are in {directory}")
        else:
            shutil.rmtree(directory, ignore_errors=True)
    sys.exit(1 if failed else 0)
