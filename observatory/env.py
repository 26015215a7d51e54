"""Typed readers of environment variables. They refuse what they cannot read; they never guess."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit


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
        value = self.values.get(name, "")
        if value == "":
            if default is None:
                raise BadSetting(f"{name} is not set")
            return default
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


def database(url: str) -> dict[str, object]:
    """Django's connection settings of one `postgresql://user:password@host:port/name?option=value` URL.

    A Unix socket is given as `?host=/folder`. Raises BadSetting for another scheme or no database name.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"postgresql", "postgres"}:
        raise BadSetting(f"a database URL starts with postgresql://, not {parts.scheme or 'nothing'}://")
    name = unquote(parts.path.lstrip("/"))
    if not name:
        raise BadSetting("the database URL names no database")
    query = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "ingest.driver",
        "NAME": name,
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


def mail(url: str) -> Mail:
    """Read `smtp://user:password@host:port`, `smtp+tls://` (STARTTLS), `smtps://`, or `folder://` (the default)."""
    parts = urlsplit(url)
    if parts.scheme == "folder":
        return Mail("folder")
    ports = {"smtp": 25, "smtp+tls": 587, "smtps": 465}
    if parts.scheme not in ports or not parts.hostname:
        raise BadSetting("EMAIL_URL is smtp://, smtp+tls:// or smtps:// with a host, or folder://")
    return Mail(
        "smtp",
        parts.hostname,
        parts.port or ports[parts.scheme],
        unquote(parts.username or ""),
        unquote(parts.password or ""),
        use_tls=parts.scheme == "smtp+tls",
        use_ssl=parts.scheme == "smtps",
    )


here = Environment(os.environ)
