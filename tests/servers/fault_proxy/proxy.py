"""A TCP proxy that does to its connections what networks do, switched while it runs.

    with FaultProxy("127.0.0.1", 5432) as proxy:
        client = connect(proxy.host, proxy.port)
        proxy.reset(after=4000, direction="to_server", times=1)
        ...
        proxy.heal()

It runs in a thread of its own; its methods may be called from any thread, and have taken effect when they return.
"""
import asyncio
import socket
import struct
import threading
from dataclasses import dataclass, field

TO_SERVER, TO_CLIENT = "to_server", "to_client"
CHUNK = 64 * 1024
TICK = 0.02  # s between two bytes' worth of a limited rate


@dataclass(frozen=True)
class Fault:
    """What befalls the bytes. `kind`: pass, cut, stall, slow, reset."""
    kind: str = "pass"
    latency: float = 0.0                # s before each chunk is passed on, either way
    bytes_per_second: float | None = None  # each way, of each connection
    after: int = 0                      # reset: bytes that still pass, of each connection
    direction: str = TO_SERVER          # reset: which bytes are counted
    times: int | None = None            # reset: how many, before it heals by itself

    def __post_init__(self):
        if self.direction not in (TO_SERVER, TO_CLIENT):
            raise ValueError(f"direction {self.direction!r}: say {TO_SERVER} or {TO_CLIENT}")
        if self.latency < 0 or self.after < 0 or (self.bytes_per_second is not None and self.bytes_per_second <= 0):
            raise ValueError("latency and after are at least 0, bytes_per_second more than 0")


@dataclass
class Counts:
    """What has happened so far, so that a test can tell that its fault was met."""
    accepted: int = 0
    refused_by_server: int = 0  # connections that the server did not take
    resets: int = 0
    dead: int = 0               # connections made half open
    to_server: int = 0          # bytes passed on
    to_client: int = 0


@dataclass(eq=False)
class _Connection:
    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    dead: bool = False                                  # half open: what it gets is lost
    ended: int = 0                                      # ends that have said that nothing more comes
    passed: dict = field(default_factory=lambda: {TO_SERVER: 0, TO_CLIENT: 0})  # bytes, since the fault was set

    def __post_init__(self):
        for writer in (self.client, self.server):
            writer.transport.set_write_buffer_limits(high=0)  # drained is: given to the kernel, so that nothing is lost in closing

    def abort(self, reset: bool):
        for writer in (self.client, self.server):
            if reset:
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()


class FaultProxy:
    """Passes connections to `host`:`port` on to the server; see the module."""

    def __init__(self, server_host: str, server_port: int, port: int = 0, host: str = "127.0.0.1"):
        self.server = (server_host, server_port)  # may be changed: new connections go there
        self.host = host
        self.port = port                          # 0 until `start`: any free one
        self.counts = Counts()
        self._fault = Fault()
        self._connections: set[_Connection] = set()
        self._listener: asyncio.Server | None = None
        self._placeholder: socket.socket | None = None  # keeps the port while nothing listens
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="fault proxy", daemon=True)

    # --- for callers of any thread ---

    def start(self) -> "FaultProxy":
        self._thread.start()
        self._call(self._start())
        return self

    def stop(self):
        self._call(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def heal(self):
        """Ends any fault. What a stall held back is passed on; connections that are half open stay so."""
        self._set(Fault())

    def cut(self):
        """Connections are closed, new ones refused."""
        self._set(Fault("cut"))

    def stall(self):
        """Connections are accepted and kept; nothing passes until `heal`."""
        self._set(Fault("stall"))

    def slow(self, latency: float = 0.0, bytes_per_second: float | None = None):
        """Each chunk waits `latency` seconds; each way of each connection passes so many bytes per second."""
        self._set(Fault("slow", latency=latency, bytes_per_second=bytes_per_second))

    def reset(self, after: int = 0, direction: str = TO_SERVER, times: int | None = None):
        """Both ends of a connection get RST once `after` bytes more have passed in `direction`; after `times` of them it heals."""
        self._set(Fault("reset", after=after, direction=direction, times=times))

    def half_open(self):
        """The connections there are lose all that either end sends from now on, and neither end is told; new ones are well."""
        self._call(self._half_open())

    def status(self) -> dict:
        """The fault, the number of open connections and the counts."""
        async def look():
            return {"fault": self._fault.kind, "open": len(self._connections), **vars(self.counts)}
        return self._call(look())

    # --- in the proxy's thread ---

    def _run(self):
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)

    def _set(self, fault: Fault):
        self._call(self._switch(fault))

    async def _start(self):
        self._changed = asyncio.Event()
        await self._listen()

    async def _stop(self):
        await self._stop_listening()
        if self._placeholder:
            self._placeholder.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for connection in list(self._connections):
            connection.abort(reset=False)
        self._connections.clear()
        await asyncio.sleep(0)  # aborted transports close in the loop's next round

    def _bound(self) -> socket.socket:
        bound = socket.socket()
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((self.host, self.port))
        self.port = bound.getsockname()[1]
        return bound

    async def _listen(self):
        if self._listener:
            return
        bound, self._placeholder = self._placeholder or self._bound(), None
        self._listener = await asyncio.start_server(self._serve, sock=bound)

    async def _stop_listening(self):
        if self._listener:
            self._listener.close()
            self._listener = None

    async def _switch(self, fault: Fault):
        self._fault = fault
        for connection in self._connections:
            connection.passed = {TO_SERVER: 0, TO_CLIENT: 0}
        self._changed.set()
        self._changed = asyncio.Event()
        if fault.kind == "cut":
            await self._stop_listening()
            if not self._placeholder:
                self._placeholder = self._bound()
            for connection in list(self._connections):
                connection.abort(reset=False)
        else:
            await self._listen()

    async def _half_open(self):
        for connection in self._connections:
            self.counts.dead += not connection.dead
            connection.dead = True

    async def _serve(self, client_reader, client):
        self.counts.accepted += 1
        try:
            server_reader, server = await asyncio.open_connection(*self.server)
        except OSError:
            self.counts.refused_by_server += 1
            client.transport.abort()
            return
        connection = _Connection(client, server)
        self._connections.add(connection)
        if self._fault.kind == "cut":  # switched while this one was being made
            connection.abort(reset=False)
        try:
            await asyncio.gather(self._pump(connection, client_reader, server, TO_SERVER),
                                 self._pump(connection, server_reader, client, TO_CLIENT))
        except asyncio.CancelledError:
            pass  # by `stop`; asyncio would report it as a failure of this handler
        finally:
            self._connections.discard(connection)
            connection.abort(reset=False)

    async def _pump(self, connection, reader, writer, direction):
        """Passes on what `reader` has, until its end, which is passed on, too."""
        try:
            while chunk := await self._read(connection, reader, direction):
                await self._pass(connection, writer, chunk, direction)
            connection.ended += 1
            if not connection.dead and writer.can_write_eof():
                writer.write_eof()
            while connection.dead and connection.ended < 2:
                await asyncio.sleep(TICK)  # the other end is not told
        except (ConnectionError, OSError):
            connection.abort(reset=False)

    async def _read(self, connection, reader, direction):
        while True:
            while self._fault.kind == "stall" and not connection.dead:
                await self._changed.wait()  # unread bytes hold the sender back
            chunk = await reader.read(CHUNK)
            if not connection.dead or not chunk:
                return chunk

    async def _pass(self, connection, writer, chunk, direction):
        """Writes `chunk` as the fault of each moment has it."""
        while chunk and not connection.dead:
            fault = self._fault
            part = chunk
            if fault.kind == "stall":
                await self._changed.wait()
                continue
            if fault.kind == "slow":
                part = await self._held_back(fault, chunk)
            if fault.kind == "reset" and direction == fault.direction:
                part = chunk[:max(0, fault.after - connection.passed[direction])]
            writer.write(part)
            await writer.drain()
            connection.passed[direction] += len(part)
            setattr(self.counts, direction, getattr(self.counts, direction) + len(part))
            chunk = chunk[len(part):]
            if (fault is self._fault and fault.kind == "reset" and direction == fault.direction
                    and connection.passed[direction] >= fault.after):
                self._do_reset(connection)
                return

    async def _held_back(self, fault, chunk):
        if fault.latency:
            await asyncio.sleep(fault.latency)
        if not fault.bytes_per_second:
            return chunk
        part = chunk[:max(1, int(fault.bytes_per_second * TICK))]
        await asyncio.sleep(len(part) / fault.bytes_per_second)
        return part

    def _do_reset(self, connection):
        self.counts.resets += 1
        connection.abort(reset=True)
        fault = self._fault
        if fault.times is not None:
            left = fault.times - 1
            changed = Fault() if left <= 0 else Fault("reset", after=fault.after, direction=fault.direction, times=left)
            # Bytes of other connections go on being counted from when the fault was set.
            self._fault = changed
