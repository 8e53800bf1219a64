#!/usr/bin/env python3
"""A TCP proxy whose faults are switched by HTTP while it runs; the class for Python tests is in proxy.py.

    python3 tests/servers/fault_proxy --server 127.0.0.1:5432 [--port 15433] [--control 15434]

prints `proxy HOST:PORT` and `control http://HOST:PORT`, and runs until SIGTERM or SIGINT. Then

    curl -X POST CONTROL/cut                          refuse new connections, close the others
    curl -X POST CONTROL/stall                        accept, pass nothing
    curl -X POST 'CONTROL/slow?latency=0.2&bytes_per_second=5000'
    curl -X POST 'CONTROL/reset?after=4000&direction=to_server&times=1'    RST in mid-batch; to_client for answers
    curl -X POST CONTROL/half_open                    those open now go deaf, unnoticed
    curl -X POST CONTROL/heal
    curl CONTROL/                                     the fault and what has been counted, JSON
"""
import argparse
import json
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from fault_proxy import FaultProxy  # noqa: E402

ARGUMENTS = {"cut": {}, "stall": {}, "heal": {}, "half_open": {},
             "slow": {"latency": float, "bytes_per_second": float},
             "reset": {"after": int, "direction": str, "times": int}}


def switch(proxy: FaultProxy, target: str):
    """Calls the method that `target`, a path with a query, names; ValueError says what is wrong with it."""
    url = urlsplit(target)
    name = url.path.strip("/")
    if name not in ARGUMENTS:
        raise ValueError(f"no fault {name!r}: say one of {', '.join(ARGUMENTS)}")
    arguments = {}
    for key, value in parse_qsl(url.query, keep_blank_values=True):
        if key not in ARGUMENTS[name]:
            raise ValueError(f"{name} takes {', '.join(ARGUMENTS[name]) or 'nothing'}, not {key!r}")
        arguments[key] = ARGUMENTS[name][key](value)
    getattr(proxy, name)(**arguments)


def control(proxy: FaultProxy, port: int) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def answer(self, status: int, body: dict):
            text = json.dumps(body).encode() + b"\n"
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def do_GET(self):
            self.answer(200, proxy.status())

        def do_POST(self):
            try:
                switch(proxy, self.path)
            except ValueError as problem:
                self.answer(400, {"error": str(problem)})
            else:
                self.answer(200, proxy.status())

        def log_message(self, *_):
            pass

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


def main() -> int:
    parser = argparse.ArgumentParser(prog="fault_proxy", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", required=True, help="HOST:PORT to pass connections on to")
    parser.add_argument("--port", type=int, default=0, help="to listen on (0: any free one)")
    parser.add_argument("--control", type=int, default=0, help="port of the switches (0: any free one)")
    options = parser.parse_args()
    host, _, port = options.server.rpartition(":")
    if not host or not port.isdigit():
        parser.error("--server wants HOST:PORT")
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    with FaultProxy(host, int(port), port=options.port) as proxy, control(proxy, options.control) as switches:
        threading.Thread(target=switches.serve_forever, daemon=True).start()
        print(f"proxy {proxy.host}:{proxy.port}")
        print(f"control http://127.0.0.1:{switches.server_address[1]}", flush=True)
        done.wait()
        switches.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
