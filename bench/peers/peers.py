"""What the programs of bench/ share: the broker and the topics of this folder, and keyfold run over them."""

import json
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))


class Peers:
    """The programs of this folder, with the broker they share, and topics in it. Stops the broker at the end if it was not running.

    topics: names as `fill` takes them
    port: for the broker, if it is not running yet
    """

    def __init__(self, topics, port=None):
        self.environment = {**os.environ, **({"PEERS_PORT": str(port)} if port else {})}
        self.was_running = subprocess.run(["./broker", "status"], cwd=HERE, capture_output=True, env=self.environment).returncode == 0
        print("filling topics, if they are not there: " + " ".join(topics), flush=True)
        #: what the generator said of each topic, where it is known
        self.filled = dict(zip(topics, map(json.loads, self.run("./fill", *topics).splitlines())))
        self.broker = self.run("./broker", "start").strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if not self.was_running:
            self.run("./broker", "stop")

    def run(self, *command):
        """Its standard output; ends the program if it fails."""
        done = subprocess.run(command, cwd=HERE, stdout=subprocess.PIPE, text=True, env=self.environment)
        if done.returncode:
            sys.exit(f"bench/peers: {' '.join(command)} ended with status {done.returncode}")
        return done.stdout

    def topic(self, name, partitions=4):
        self.run("./broker", "topic", name, str(partitions))

    def delete_topic(self, name):
        self.run("./broker", "delete", name)

    def records(self, topic):
        """How many committed records the topic has: counted by a reader, for markers take offsets too."""
        command = f"kcat -C -b {self.broker} -t {topic} -e -q -o beginning -X isolation.level=read_committed -f '\\n' | wc -c"
        return int(subprocess.run(["bash", "-o", "pipefail", "-c", command], check=True, capture_output=True, text=True).stdout)

    def read(self, topic):
        """The committed records: texts of key and value."""
        command = ["kcat", "-C", "-b", self.broker, "-t", topic, "-e", "-q", "-o", "beginning", "-X", "isolation.level=read_committed",
                   "-f", "%k\t%s\n"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as kcat:
            for line in kcat.stdout:
                yield line.rstrip("\n").split("\t", 1)
        if kcat.returncode:
            sys.exit(f"bench/peers: kcat could not read {topic}: status {kcat.returncode}")


def processor_seconds(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid):
    with open(f"/proc/{pid}/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def stop_at_rest(child):
    """Ends the process once it has used no processor to speak of for five seconds: all is read, committed and compacted.
    Returns the bytes resident then."""
    used, quiet = 0, 0
    while quiet < 5 and child.poll() is None:
        time.sleep(1)
        before, used = used, processor_seconds(child.pid)
        quiet = quiet + 1 if used > 0.5 and used - before < 0.15 else 0
    resident = resident_bytes(child.pid) if child.poll() is None else 0
    child.terminate()
    return resident


def run_keyfold(build, directory, definition, rest=False):
    """The report of a run of keyfold from nothing to the end of its sources, with `peak_rss_mib`: the most memory it had.

    build: where keyfold is built
    directory: of the definition's ledger, `ledger.db`, and of log and report
    rest: it is left to itself until it has nothing more to do, whose `rss_bytes` are reported
    """
    for name in os.listdir(directory):
        if name.startswith("ledger.db"):
            os.remove(os.path.join(directory, name))
    report = os.path.join(directory, "report.json")
    with open(os.path.join(directory, "keyfold.log"), "w") as log:
        child = subprocess.Popen([os.path.join(build, "keyfold"), "run", definition, "--report", report]
                                 + ([] if rest else ["--exit-at-end"]), stdout=log, stderr=log)
        more = {"rss_bytes": stop_at_rest(child)} if rest else {}
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        with open(log.name) as f:
            sys.exit(f"bench: keyfold ended with status {child.returncode}:\n{f.read()[-3000:]}")
    with open(report) as f:
        return {**json.load(f), **more, "peak_rss_mib": usage.ru_maxrss // 1024}
