#!/usr/bin/env python3
"""Tests of the fault proxy, class and command, between sockets of this process. Ends with `N passed, N failed`."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from fault_proxy import TO_CLIENT, FaultProxy  # noqa: E402


class EchoServer:
    """Answers what it gets; `got` is how much that was, of all connections, `ends` how each ended: eof or reset."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.got, self.ends = 0, []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self._echo, args=(self.listener.accept()[0],), daemon=True).start()

    def _echo(self, connection):
        with connection:
            try:
                while data := connection.recv(65536):
                    self.got += len(data)
                    connection.sendall(data)
                self.ends.append("eof")
            except ConnectionResetError:
                self.ends.append("reset")
            except OSError as problem:
                self.ends.append(str(problem))

    def close(self):
        self.listener.close()


@contextlib.contextmanager
def pair():
    server = EchoServer()
    with FaultProxy("127.0.0.1", server.port) as proxy:
        yield server, proxy
    server.close()


def connect(proxy, seconds=5.0):
    return socket.create_connection((proxy.host, proxy.port), timeout=seconds)


def receive(client, size):
    """That many bytes, or as many as come before the end."""
    data = b""
    while len(data) < size and (part := client.recv(65536)):
        data += part
    return data


def echoes(client, data=b"hello"):
    client.sendall(data)
    return receive(client, len(data)) == data


def eventually(condition, seconds=5.0):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def raises(kind, action):
    try:
        action()
    except kind:
        return True
    return False


def ends(client):
    """Whether it is closed by the other side, in whichever way."""
    try:
        return client.recv(1) == b""
    except ConnectionError:
        return True


def nothing_comes(client, seconds=0.3):
    client.settimeout(seconds)
    nothing = raises(TimeoutError, lambda: client.recv(1))
    client.settimeout(5)
    return nothing


def test_passes_all_bytes_both_ways_and_the_end():
    data = bytes(range(256)) * 20_000
    with pair() as (server, proxy), connect(proxy) as client:
        sender = threading.Thread(target=client.sendall, args=(data,))
        sender.start()
        assert receive(client, len(data)) == data
        sender.join()
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""
        assert eventually(lambda: server.ends == ["eof"])
        assert eventually(lambda: proxy.status()["open"] == 0)
        assert (proxy.counts.to_server, proxy.counts.to_client) == (len(data), len(data))


def test_cut_closes_and_refuses_until_healed_on_the_same_port():
    with pair() as (server, proxy), connect(proxy) as client:
        assert echoes(client)
        port = proxy.port
        proxy.cut()
        assert ends(client)
        assert raises(ConnectionRefusedError, lambda: connect(proxy))
        assert eventually(lambda: len(server.ends) == 1)
        proxy.cut()  # again changes nothing
        proxy.heal()
        assert proxy.port == port
        with connect(proxy) as second:
            assert echoes(second)


def test_stall_accepts_and_passes_nothing_then_everything():
    with pair() as (server, proxy), connect(proxy) as before:
        assert echoes(before)
        proxy.stall()
        before.sendall(b"held")
        with connect(proxy) as new:
            new.sendall(b"back")
            assert nothing_comes(before) and nothing_comes(new)
            assert server.got == len("hello")
            proxy.heal()
            assert receive(before, 4) == b"held" and receive(new, 4) == b"back"


def test_slow_has_the_latency_and_the_rate():
    with pair() as (_, proxy), connect(proxy) as client:
        proxy.slow(latency=0.1)
        begun = time.monotonic()
        assert echoes(client)
        assert 0.2 <= time.monotonic() - begun < 2
        proxy.slow(bytes_per_second=20_000)
        begun = time.monotonic()
        assert echoes(client, bytes(10_000))
        assert 0.4 <= time.monotonic() - begun < 4


def test_reset_in_the_middle_of_what_the_client_sends():
    with pair() as (server, proxy), connect(proxy) as client, connect(proxy) as other:
        assert echoes(client) and echoes(other)
        proxy.reset(after=1000, times=1)
        client.sendall(bytes(5000))
        assert raises(ConnectionResetError, lambda: receive(client, 5000))
        assert eventually(lambda: server.ends == ["reset"])
        assert server.got <= 2 * len("hello") + 1000
        assert proxy.counts.resets == 1
        assert echoes(other, bytes(5000)), "after so many times it is healed"


def test_reset_in_the_middle_of_an_answer_comes_again_for_each_connection():
    with pair() as (server, proxy):
        proxy.reset(after=100, direction=TO_CLIENT)
        for number in (1, 2):
            with connect(proxy) as client:
                client.sendall(bytes(5000))
                assert raises(ConnectionResetError, lambda: receive(client, 5000))  # noqa: B023
            assert eventually(lambda: proxy.counts.resets == number)  # noqa: B023
        assert server.got == 10_000
        assert proxy.counts.to_client == 200


def test_half_open_goes_deaf_and_tells_nobody():
    with pair() as (server, proxy):
        with connect(proxy) as client, connect(proxy) as second:
            assert echoes(client) and echoes(second)
            proxy.half_open()
            client.sendall(b"lost")
            assert nothing_comes(client)
            with connect(proxy) as new:
                assert echoes(new), "new connections are well"
            proxy.heal()
            client.sendall(b"lost too")
            assert nothing_comes(client), "what has lost bytes stays dead"
            second.close()
            time.sleep(0.1)
            assert server.ends == ["eof"], "of the new one alone: the server is not told of the second's end"
            assert proxy.status()["open"] == 2
        assert server.got == 3 * len("hello")


def test_a_server_that_is_away_is_felt_and_may_come_back_elsewhere():
    with pair() as (server, proxy):
        with socket.create_server(("127.0.0.1", 0)) as unused:
            away = unused.getsockname()[1]
        proxy.server = ("127.0.0.1", away)
        with connect(proxy) as client:
            assert ends(client)
        assert eventually(lambda: proxy.counts.refused_by_server == 1)
        proxy.server = ("127.0.0.1", server.port)
        with connect(proxy) as client:
            assert echoes(client)


def test_stop_during_a_stall_ends_every_connection():
    server = EchoServer()
    proxy = FaultProxy("127.0.0.1", server.port).start()
    with connect(proxy) as client:
        assert echoes(client)
        proxy.stall()
        client.sendall(b"x")
        proxy.stop()
        assert eventually(lambda: len(server.ends) == 1)
    server.close()


def test_settings_that_make_no_sense_are_refused():
    with pair() as (_, proxy):
        for wrong in ({"direction": "sideways"}, {"after": -1}):
            assert raises(ValueError, lambda: proxy.reset(**wrong))  # noqa: B023
        assert raises(ValueError, lambda: proxy.slow(bytes_per_second=0))
        assert proxy.status()["fault"] == "pass"


def test_the_command_is_switched_by_http():
    server = EchoServer()
    command = [sys.executable, os.path.join(HERE, "fault_proxy"), "--server", f"127.0.0.1:{server.port}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            host, port = process.stdout.readline().split()[1].split(":")
            control = process.stdout.readline().split()[1]

            def post(path):
                with urllib.request.urlopen(urllib.request.Request(f"{control}/{path}", method="POST"), timeout=5) as answer:
                    return json.load(answer)

            with socket.create_connection((host, int(port)), timeout=5) as client:
                assert echoes(client)
                assert post("slow?latency=0.01")["fault"] == "slow"
                assert post("reset?after=3&direction=to_client&times=1")["fault"] == "reset"
                client.sendall(b"hello")
                assert raises(ConnectionResetError, lambda: receive(client, 5))
            with urllib.request.urlopen(control, timeout=5) as answer:
                assert json.load(answer)["resets"] == 1
            assert post("cut")["fault"] == "cut"
            assert raises(ConnectionRefusedError, lambda: socket.create_connection((host, int(port)), timeout=5))
            for wrong in ("melt", "reset?direction=sideways", "reset?after=x", "cut?after=1"):
                assert raises(urllib.error.HTTPError, lambda: post(wrong)), wrong  # noqa: B023
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    server.close()


def main():
    passed = failed = 0
    for name, test in list(globals().items()):
        if not name.startswith("test_"):
            continue
        try:
            test()
            passed += 1
        except Exception as problem:  # noqa: BLE001
            failed += 1
            print(f"failed: {name}: {type(problem).__name__}: {problem} (line {problem.__traceback__.tb_next.tb_lineno})")
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
