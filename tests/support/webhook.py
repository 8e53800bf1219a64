"""A receiver of webhooks for tests: a real little HTTP server that takes each idempotency key once."""

import contextlib
import http.server
import json
import socket
import struct
import threading


class Receiver:
    """Remembers idempotency keys, as a careful receiver does. rule(number, request, body) -> None: take it; a status or (status,
    headers, body): that answer; "reset": take it, then reset the connection without an answer."""

    def __init__(self, tls=None, port=0):
        self.rule = lambda number, request, body: None
        self.requests = []   # (key, headers, body)
        self.taken = {}      # key -> rows, of the first time
        self.repeated = 0
        self.conflicts = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                outer._answer(self)

            do_PUT = do_POST

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass  # a connection that a fault broke

        self.http = Server(("127.0.0.1", port), Handler)
        if tls:
            self.http.socket = tls.wrap_socket(self.http.socket, server_side=True)
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.http.server_address[1]}/hook"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.http.server_close()

    def _answer(self, request):
        body = json.loads(request.rfile.read(int(request.headers["Content-Length"])))
        key = request.headers["Idempotency-Key"]
        self.requests.append((key, dict(request.headers.items()), body))
        said = self.rule(len(self.requests), request, body)
        if said in (None, "reset"):
            if key in self.taken:
                self.repeated += 1
                if self.taken[key] != body:
                    self.conflict(key)
            self.taken.setdefault(key, body)
        if said == "reset":
            request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            request.close_connection = True
            request.connection.close()
            return
        status, headers, text = said if isinstance(said, tuple) else (said or 200, {}, "")
        with contextlib.suppress(ConnectionError):
            request.send_response_only(status)
            for name, value in headers.items():
                request.send_header(name, value)
            request.send_header("Content-Length", str(len(text)))
            request.end_headers()
            request.wfile.write(text.encode())

    def conflict(self, key):
        """The same key came with other rows."""
        self.conflicts.append(key)

    def rows(self):
        return [row for body in self.taken.values() for row in (body if isinstance(body, list) else [body])]
