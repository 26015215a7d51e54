"""The origins that a project lets browsers post from. Pure."""

import re
from urllib.parse import urlsplit

MOST = 50
_USUAL_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:.]+\]")


def read_origins(text: str) -> list[str]:
    """Read origins with blanks or commas between them, as browsers write them: `https://app.example.com`.

    Raises ValueError that names the first that is none, or too many.
    """
    found = list(dict.fromkeys(_origin(word) for word in text.replace(",", " ").split()))
    if len(found) > MOST:
        raise ValueError(f"At most {MOST} origins; these are {len(found)}.")
    return found


def _origin(word: str) -> str:
    """One origin, lower case, without the usual port, the host as it is asked for in DNS."""
    try:
        parts = urlsplit(word)
        host, port = parts.hostname or "", parts.port
        host = f"[{host}]" if ":" in host else host.encode("idna").decode()
    except ValueError as error:  # no port, no address, no host name
        raise ValueError(
            f"“{word[:100]}” is no origin: write https:// and the host, and the port if there is one."
        ) from error
    is_bare = parts.scheme in _USUAL_PORTS and not (
        parts.path.strip("/") or parts.query or parts.fragment or parts.username
    )
    if not is_bare or not _HOST.fullmatch(host):
        raise ValueError(f"“{word[:100]}” is no origin: write https:// and the host, and the port if there is one.")
    return f"{parts.scheme}://{host}" + (f":{port}" if port and port != _USUAL_PORTS[parts.scheme] else "")
