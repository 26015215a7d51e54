"""The only way out to an address that a person of a project chose: one POST, guarded.

The name is resolved once, every address it leads to is checked, and the connection goes to a checked address itself,
so that a name which resolves differently the second time reaches nothing. No redirect is followed, no proxy and no
cookie is used, and the whole exchange has one deadline, so that a receiver which drips bytes cannot hold the sender.
"""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from alerts.addresses import Network, refusal

DEADLINE_S = 8.0
CONNECT_S = 3.0
MOST_BODY = 2_000


class OutgoingError(Exception):
    """A request that brought no answer."""


class AddressRefused(OutgoingError):
    """The URL leads, or may lead, to where nothing is sent; no connection was made."""


class NoAnswer(OutgoingError):
    """The receiver could not be reached or did not answer in time."""


@dataclass(frozen=True)
class Answer:
    """What the receiver answered; `text` is the beginning of its body."""

    status: int
    headers: Mapping[str, str]
    text: str


@dataclass(frozen=True)
class Place:
    """Where a URL leads: host and port, and what is asked for there."""

    is_https: bool
    host: str
    port: int
    path: str


def place_of(url: str) -> Place:
    """Read an http(s) URL. Raises AddressRefused for anything else, for credentials in it and for no host."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise AddressRefused(f"this is no address: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise AddressRefused("an address starts with https:// or http:// and names a host")
    if parts.username is not None or parts.password is not None:
        raise AddressRefused("an address carries no user name or password")
    if any(ord(character) <= 32 or ord(character) == 127 for character in url):
        raise AddressRefused("an address has no blanks or control characters in it")
    is_https = parts.scheme == "https"
    return Place(is_https, _ascii(parts.hostname), port or (443 if is_https else 80), _path(parts))


def check(url: str, allowed: Sequence[Network] = ()) -> None:
    """Raise AddressRefused when nothing would be sent there today. A name that does not resolve now may do so later."""
    place = place_of(url)
    try:
        addresses_of(place, allowed)
    except NoAnswer:
        return


def addresses_of(place: Place, allowed: Sequence[Network]) -> list[str]:
    """The checked addresses of a host. One that is refused refuses them all: a name has no business in both worlds."""
    try:
        found = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NoAnswer(f"{place.host} cannot be resolved: {error}") from error
    addresses = list(dict.fromkeys(str(row[4][0]) for row in found))
    for address in addresses:
        reason = refusal(address, allowed)
        if reason:
            raise AddressRefused(
                f"nothing is sent to {place.host}: {reason}; whoever runs this installation may open networks with"
                " OBSERVATORY_ALLOWED_WEBHOOK_NETWORKS"
            )
    return addresses


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    allowed: Sequence[Network] = (),
    deadline_s: float = DEADLINE_S,
) -> Answer:
    """POST once. Raises AddressRefused or NoAnswer; every answer, redirects included, is returned as it came."""
    until = time.monotonic() + deadline_s
    place = place_of(url)
    connection = _connected(place, addresses_of(place, allowed), until)
    try:
        with cut_off(lambda: connection.sock, until - time.monotonic()):
            connection.request("POST", place.path, body, dict(headers))
            response = connection.getresponse()
            text = response.read(MOST_BODY).decode("utf-8", "replace")
            return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, text)
    except (OSError, http.client.HTTPException, ValueError) as error:
        if time.monotonic() >= until:
            raise NoAnswer(f"no answer within {deadline_s:g} s") from error
        raise NoAnswer(_said(error)) from error
    finally:
        connection.close()


@contextmanager
def cut_off(sock_of: Callable[[], socket.socket | None], seconds: float) -> Iterator[None]:
    """End a conversation when its time is up, whatever it is waiting for; `sock_of` gives its socket of then."""

    def shut() -> None:
        sock = sock_of()
        if sock is not None:
            with suppress(OSError):  # it may have ended by itself meanwhile
                sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(max(0.0, seconds), shut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _connected(place: Place, addresses: Sequence[str], until: float) -> http.client.HTTPConnection:
    """A connection whose socket already leads to a checked address, so that the library resolves nothing again."""
    sock = _socket_to(addresses, place.port, until)
    try:
        if place.is_https:
            context = ssl.create_default_context()
            sock = context.wrap_socket(sock, server_hostname=place.host)
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                place.host, place.port, context=context
            )
        else:
            connection = http.client.HTTPConnection(place.host, place.port)
    except (OSError, ValueError) as error:
        sock.close()
        raise NoAnswer(_said(error)) from error
    connection.sock = sock
    return connection


def _socket_to(addresses: Sequence[str], port: int, until: float) -> socket.socket:
    problem: OSError = OSError("it has no address")
    for address in addresses:
        left = until - time.monotonic()
        if left <= 0:
            break
        try:
            sock = socket.create_connection((address, port), timeout=min(CONNECT_S, left))
        except OSError as error:
            problem = error
            continue
        sock.settimeout(max(0.1, until - time.monotonic()))
        return sock
    raise NoAnswer(f"no connection: {_said(problem)}")


def _ascii(host: str) -> str:
    try:
        return host.encode("idna").decode("ascii") if not host.isascii() else host
    except UnicodeError as error:
        raise AddressRefused(f"{host} is no host name") from error


def _path(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:300]
