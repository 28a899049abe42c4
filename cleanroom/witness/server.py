"""A witness over HTTP; must not know how it judges.

Plain HTTP, and every connection a thread: put a proxy with TLS and limits in front of it. The
cosignature itself needs no TLS; what the proxy protects is the witness's availability.
"""

from __future__ import annotations

import socket
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from cleanroom.audit.errors import WitnessRefused
from cleanroom.audit.tlog_witness import MAX_BODY_BYTES, SIZE_TYPE
from cleanroom.witness.witness import Witness

PATH: Final = "/add-checkpoint"
_TEXT: Final = "text/plain; charset=utf-8"
_TIMEOUT_S: Final = 30.0


def make_server(host: str, port: int, witness: Witness, public: str) -> ThreadingHTTPServer:
    """Return a server that listens and does not serve yet; raises OSError.

    `GET /` answers with `public`, the witness's verifier key.
    """

    class Handler(_Handler):
        pass

    class Server(ThreadingHTTPServer):
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

    Handler.witness, Handler.public = witness, public
    return Server((host, port), Handler)


class _Handler(BaseHTTPRequestHandler):
    witness: Witness
    public: str
    protocol_version = "HTTP/1.1"
    timeout = _TIMEOUT_S

    def do_GET(self) -> None:  # the base class's name
        if self.path == "/":
            self._answer(HTTPStatus.OK, f"{self.public}\n")
        else:
            self._answer(HTTPStatus.NOT_FOUND, f"only / and POST {PATH} are here\n")

    def do_POST(self) -> None:  # the base class's name
        body = self._body()
        if body is None:
            return
        if self.path != PATH:
            self._answer(HTTPStatus.NOT_FOUND, f"only POST {PATH} is here\n")
            return
        try:
            line = self.witness.add_checkpoint(body)
        except WitnessRefused as refusal:
            self._refuse(refusal)
        else:
            self._answer(HTTPStatus.OK, line)

    def _body(self) -> bytes | None:
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit() or int(length) > MAX_BODY_BYTES:
            # What follows cannot be told from the next request.
            self.close_connection = True
            why = f"a request says its length, at most {MAX_BODY_BYTES} bytes\n"
            self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, why)
            return None
        return self.rfile.read(int(length))

    def _refuse(self, refusal: WitnessRefused) -> None:
        self.log_message("refused: %s", refusal.why)
        if refusal.size is None:
            self._answer(HTTPStatus(refusal.status), f"{refusal.why}\n")
        else:  # C2SP tlog-witness: the size alone
            self._answer(HTTPStatus(refusal.status), f"{refusal.size}\n", SIZE_TYPE)

    def _answer(self, status: HTTPStatus, text: str, kind: str = _TEXT) -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # the base class's name
        """Write one line without what could steer a terminal."""
        line = (format % args).encode("ascii", "backslashreplace").decode()
        sys.stderr.write(f"{self.address_string()} {line!r}\n")
