"""API keys: `obs_<env>_<8 public>_<32 secret>_<6 checksum>`. Pure functions; nothing here keeps a secret."""

import hashlib
import secrets
import string
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

ALPHABET = string.ascii_letters + string.digits
SCOPES = ("ingest", "read", "admin", "feedback")
BROWSER_SCOPE = "feedback"


@dataclass(frozen=True)
class NewKey:
    """A key just made: the text is shown once, the rest is stored."""

    text: str
    public: str
    key_hash: bytes


def _letters(count: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(count))


def _checksum(body: str) -> str:
    value, text = zlib.crc32(body.encode()), ""
    for _ in range(6):
        value, rest = divmod(value, 62)
        text += ALPHABET[rest]
    return text


def make(environment: str = "live") -> NewKey:
    """A fresh key of 190 bits of secret."""
    public = _letters(8)
    body = f"obs_{environment}_{public}_{_letters(32)}"
    text = f"{body}_{_checksum(body)}"
    return NewKey(text, public, hashed(text))


def hashed(key: str) -> bytes:
    """The SHA-256 of a key, as it is stored: 32 bytes. The secret's entropy needs no slow hash."""
    return hashlib.sha256(key.encode("utf-8", "replace")).digest()


def assembled(public: str, secret: str, environment: str = "live") -> str:
    """The text of a key from its two halves, as HTTP Basic sends them."""
    body = f"obs_{environment}_{public}_{secret}"
    return f"{body}_{_checksum(body)}"


def is_well_formed(key: str) -> bool:
    """Whether the shape and the checksum fit, before any database is asked."""
    body, _, checksum = key.rpartition("_")
    return key.startswith("obs_") and len(key) <= 100 and key.count("_") == 4 and checksum == _checksum(body)


def read_scopes(text: str) -> tuple[str, ...]:
    """Read `ingest,read`. Raises ValueError for what `checked` refuses."""
    return checked(word.strip() for word in text.split(",") if word.strip())


def checked(scopes: Iterable[str]) -> tuple[str, ...]:
    """The scopes of a new key. Raises ValueError for an unknown one, for none, and for `feedback` beside others.

    A key with `feedback` stands in the source of web pages, where everybody reads it: it must be worth nothing else.
    """
    wanted = tuple(dict.fromkeys(scopes))
    unknown = [word for word in wanted if word not in SCOPES]
    if unknown or not wanted:
        raise ValueError(f"scopes are {', '.join(SCOPES)}; got {', '.join(unknown) or 'none'}")
    if BROWSER_SCOPE in wanted and len(wanted) > 1:
        raise ValueError(f"a key for browsers has the scope {BROWSER_SCOPE} alone: make another one for the rest")
    return wanted
