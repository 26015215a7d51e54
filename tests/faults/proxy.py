"""A TCP proxy that misbehaves on command, between the web and PostgreSQL.

    with Proxy("/run/folder/.s.PGSQL.5432") as proxy:
        proxy.port                  # listens on 127.0.0.1
        proxy.black_hole()          # takes everything, passes nothing on, hangs up on nobody
        proxy.forward()             # behaves again; what was held back goes on its way

A fault holds for the connections that are open and for those that come.
"""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Coroutine, Iterator
from typing import Any, Self
from urllib.parse import urlsplit

PIECE = 65_536
LINGER_ZERO = struct.pack("ii", 1, 0)  # closing sends RST


def by_way_of(proxy: "Proxy", url: str) -> str:
    """A database URL that goes through the proxy."""
    parts = urlsplit(url)
    return parts._replace(netloc=f"{parts.username}:{parts.password}@127.0.0.1:{proxy.port}", query="").geturl()


class Proxy:
    """Listens in a thread of its own; `target` is a Unix socket's path or (host, port)."""

    def __init__(self, target: str | tuple[str, int]) -> None:
        self.port = 0
        self.connections = 0
        self._target = target
        self._delay_s = 0.0
        self._bytes_per_s = 0.0
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._open = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="fault proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self.port = self._call(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self.reset()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    def forward(self) -> None:
        """Pass everything on."""
        self._set(is_open=True)

    def delay(self, seconds: float) -> None:
        """Pass each piece on after a while."""
        self._set(is_open=True, delay_s=seconds)

    def drip(self, bytes_per_second: float) -> None:
        """Pass bytes on one by one."""
        self._set(is_open=True, bytes_per_s=bytes_per_second)

    def black_hole(self) -> None:
        """Take what comes and pass nothing on, new connections included; nobody is told."""
        self._set(is_open=False)

    def reset(self) -> None:
        """End every open connection by RST; new ones are served."""
        self._call(self._end(is_reset=True))

    def half_close(self) -> None:
        """Send the end of the stream both ways and keep the connections."""
        self._call(self._end(is_reset=False))

    def _set(self, *, is_open: bool, delay_s: float = 0.0, bytes_per_s: float = 0.0) -> None:
        def change() -> None:
            self._delay_s, self._bytes_per_s = delay_s, bytes_per_s
            (self._open.set if is_open else self._open.clear)()

        self._loop.call_soon_threadsafe(change)

    def _call(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._open.set()
        self._loop.run_forever()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _listen(self) -> int:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return int(server.sockets[0].getsockname()[1])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await self._open.wait()
            if isinstance(self._target, str):
                far_reader, far_writer = await asyncio.open_unix_connection(self._target)
            else:
                far_reader, far_writer = await asyncio.open_connection(*self._target)
        except OSError:
            writer.close()
            return
        self._writers |= {writer, far_writer}
        try:
            await asyncio.gather(self._pass(reader, far_writer), self._pass(far_reader, writer))
        except asyncio.CancelledError:
            return  # the proxy closes: asyncio would print a trace for each connection it still had
        finally:
            for one in (writer, far_writer):
                self._writers.discard(one)
                one.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one direction until it ends."""
        with contextlib.suppress(OSError, RuntimeError):  # one may have been ended meanwhile
            while piece := await reader.read(PIECE):
                await asyncio.sleep(self._delay_s)
                for part in self._parts(piece):
                    await self._open.wait()
                    writer.write(part)
                    await writer.drain()
                    if self._bytes_per_s:
                        await asyncio.sleep(1 / self._bytes_per_s)
            writer.write_eof()

    def _parts(self, piece: bytes) -> Iterator[bytes]:
        step = 1 if self._bytes_per_s else len(piece)
        return (piece[at : at + step] for at in range(0, len(piece), step))

    async def _end(self, *, is_reset: bool) -> None:
        for writer in list(self._writers):
            with contextlib.suppress(OSError):
                if not is_reset:
                    writer.write_eof()
                    continue
                own = writer.get_extra_info("socket")
                if own.family != socket.AF_UNIX:
                    own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
                writer.transport.abort()
