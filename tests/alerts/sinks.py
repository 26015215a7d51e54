"""Receivers on this machine that do what they are told: answer, refuse, redirect, hang."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller

from tests.harness.installation import free_port


@dataclass(frozen=True)
class Received:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class HttpSink:
    """A web server; `answers` are used up one by one, then every request gets 204."""

    url: str = ""
    received: list[Received] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    hang_s: float = 0.0
    drip_s: float = 0.0
    arrived: threading.Event = field(default_factory=threading.Event)


def _handler(sink: HttpSink) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            sink.received.append(
                Received(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            )
            sink.arrived.set()
            time.sleep(sink.hang_s)
            status, headers = sink.answers.pop(0) if sink.answers else (204, {})
            self._drip() if sink.drip_s else self._answer(status, headers)

        do_GET = do_POST

        def _answer(self, status: int, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _drip(self) -> None:
            try:
                for letter in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"z" * 200:
                    self.wfile.write(bytes([letter]))
                    self.wfile.flush()
                    time.sleep(sink.drip_s)
            except OSError:
                return

        def log_message(self, *_: Any) -> None:
            return

    return Handler


@contextmanager
def http_sink(host: str = "127.0.0.1") -> Iterator[HttpSink]:
    """A web server on a free port."""
    sink = HttpSink()
    server = ThreadingHTTPServer((host, 0), _handler(sink))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    sink.url = f"http://127.0.0.1:{server.server_port}/hook"
    try:
        yield sink
    finally:
        server.shutdown()
        server.server_close()


@dataclass
class MailSink:
    """A mail server; `answers` are used up one by one as answers to DATA, then every mail is taken."""

    host: str = "127.0.0.1"
    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        answer = self.answers.pop(0) if self.answers else "250 taken"
        if answer.startswith("250"):
            self.mails.append(message_from_bytes(envelope.content, EmailMessage, policy=SMTP))
            self.recipients.extend(envelope.rcpt_tos)
        return answer


@contextmanager
def mail_sink() -> Iterator[MailSink]:
    """A mail server on a free port."""
    sink = MailSink(port=free_port())
    controller = Controller(sink, hostname=sink.host, port=sink.port)
    controller.start()
    try:
        yield sink
    finally:
        controller.stop()
