"""Typed readers of environment variables. They refuse what they cannot read; they never guess."""

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

BROKERS = ("redis", "rediss", "amqp", "amqps")


class BadSetting(Exception):
    """An environment variable holds something this product cannot use."""


@dataclass(frozen=True)
class Environment:
    """Reads variables from one mapping; `NAME_FILE` names a file that holds the value of `NAME`."""

    values: Mapping[str, str]

    def text(self, name: str, default: str | None = None) -> str:
        """The variable as text. Raises BadSetting when it is absent and has no default."""
        path = self.values.get(f"{name}_FILE")
        if path:
            try:
                return Path(path).read_text(encoding="utf-8").strip()
            except OSError as error:
                raise BadSetting(f"{name}_FILE={path} cannot be read: {error.strerror}") from error
            except UnicodeDecodeError as error:
                raise BadSetting(f"{name}_FILE={path} cannot be read: it is not UTF-8 text") from error
        value = self.values.get(name, "")
        if value == "":
            if default is None:
                raise BadSetting(f"{name} is not set")
            return default
        return value

    def choice(self, name: str, default: str, choices: Collection[str]) -> str:
        """The variable as one of these words."""
        value = self.text(name, default)
        if value not in choices:
            raise BadSetting(f"{name}={value!r} is none of {', '.join(choices)}")
        return value

    def integer(self, name: str, default: int, *, minimum: int = 0) -> int:
        """The variable as a whole number of at least `minimum`."""
        raw = self.text(name, str(default))
        try:
            value = int(raw)
        except ValueError as error:
            raise BadSetting(f"{name}={raw!r} is not a whole number") from error
        if value < minimum:
            raise BadSetting(f"{name}={raw!r} is less than {minimum}")
        return value

    def boolean(self, name: str, *, default: bool) -> bool:
        """The variable as yes or no: 1/true/yes/on or 0/false/no/off."""
        raw = self.text(name, "1" if default else "0").lower()
        if raw in {"1", "true", "yes", "on"}:
            return True
        if raw in {"0", "false", "no", "off"}:
            return False
        raise BadSetting(f"{name}={raw!r} is neither true nor false")

    def words(self, name: str, default: str = "") -> list[str]:
        """The variable as a comma-separated list, without blanks."""
        return [word.strip() for word in self.text(name, default).split(",") if word.strip()]


def parts_of(name: str, url: str) -> SplitResult:
    """Take a variable's URL apart. Raises BadSetting, without the URL: it may hold a password."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # read where it is asked for
    except ValueError as error:
        raise BadSetting(f"{name} is no URL: see to its port, and write signs in a password as %XX") from error
    return parts


def web_address(name: str, url: str) -> SplitResult:
    """Take apart a URL that a browser can open. Raises BadSetting for any other."""
    parts = parts_of(name, url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise BadSetting(f"{name}={url!r} is not an http(s) address")
    return parts


def database(name: str, url: str) -> dict[str, object]:
    """Django's connection settings of a variable's `postgresql://user:password@host:port/name?option=value` URL.

    A Unix socket is given as `?host=/folder`. Raises BadSetting for another scheme or no database name.
    """
    parts = parts_of(name, url)
    if parts.scheme not in {"postgresql", "postgres"}:
        raise BadSetting(f"{name} starts with postgresql://, not {parts.scheme or 'nothing'}://")
    database_name = unquote(parts.path.lstrip("/"))
    if not database_name:
        raise BadSetting(f"{name} names no database")
    query = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "ingest.driver",
        "NAME": database_name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.pop("host", "") or unquote(parts.hostname or ""),
        "PORT": query.pop("port", "") or (str(parts.port) if parts.port else ""),
        "OPTIONS": query,
    }


@dataclass(frozen=True)
class Mail:
    """Where mail goes: a real SMTP server, or a folder of files."""

    backend: str
    host: str = ""
    port: int = 25
    user: str = ""
    password: str = ""
    use_tls: bool = False
    use_ssl: bool = False


def mail(name: str, url: str) -> Mail:
    """Read `smtp://user:password@host:port`, `smtp+tls://` (STARTTLS), `smtps://`, or `folder://` (the default)."""
    parts = parts_of(name, url)
    if parts.scheme == "folder":
        return Mail("folder")
    ports = {"smtp": 25, "smtp+tls": 587, "smtps": 465}
    if parts.scheme not in ports or not parts.hostname:
        raise BadSetting(f"{name} is smtp://, smtp+tls:// or smtps:// with a host, or folder://")
    return Mail(
        "smtp",
        parts.hostname,
        parts.port or ports[parts.scheme],
        unquote(parts.username or ""),
        unquote(parts.password or ""),
        use_tls=parts.scheme == "smtp+tls",
        use_ssl=parts.scheme == "smtps",
    )


def broker(name: str, url: str) -> str:
    """Give back the URL of a message broker, or nothing for PostgreSQL. Raises BadSetting for what is neither."""
    if url and parts_of(name, url).scheme not in BROKERS:
        raise BadSetting(f"{name} starts with {', '.join(f'{scheme}://' for scheme in BROKERS)}, or is not set")
    return url


here = Environment(os.environ)
