"""A TCP proxy on loopback that cuts connections once a number of bytes went to the server."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Proxy:
    """`cut_after` bytes of one connection end it; `cuts` more times it will happen."""

    target: int
    cut_after: int
    cuts: int = 1
    at_cut: Callable[[], object] = lambda: None
    done: int = 0
    port: int = 0
    _open: list[socket.socket] = field(default_factory=list)

    def serve(self, listener: socket.socket) -> None:
        """Take connections until the listener is closed."""
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=self._pair, args=(client,), daemon=True).start()

    def _pair(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self.target))
        except OSError:
            client.close()
            return
        self._open += [client, server]
        back = threading.Thread(target=self._pump, args=(server, client), daemon=True)
        back.start()
        self._forward(client, server)
        self._end(client, server)
        back.join()

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        carried = 0
        with suppress(OSError):
            while data := client.recv(1024):
                carried += len(data)
                if carried > self.cut_after and self.done < self.cuts:
                    self.done += 1
                    self._end(client, server)
                    self.at_cut()
                    return
                server.sendall(data)

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        self._end(source, sink)

    def _end(self, *sockets: socket.socket) -> None:
        for one in sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def close(self) -> None:
        """End every connection."""
        self._end(*self._open)


@contextmanager
def proxied(target: int, cut_after: int, **how: object) -> Iterator[Proxy]:
    """Forward a free port to `target` until the block ends."""
    proxy = Proxy(target=target, cut_after=cut_after, **how)  # type: ignore[arg-type]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy.port = listener.getsockname()[1]
        taking = threading.Thread(target=proxy.serve, args=(listener,), daemon=True)
        taking.start()
        yield proxy
        listener.shutdown(socket.SHUT_RDWR)
    proxy.close()
    taking.join(10)
