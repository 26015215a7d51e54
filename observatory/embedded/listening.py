"""Where the web process listens."""

from urllib.parse import urlsplit

from observatory.env import BadSetting, here

LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def address(public_url: str, wish: str) -> str:
    """Choose where to listen: as wished, else on this machine only while the product is published as localhost."""
    if wish:
        return wish
    return "127.0.0.1" if (urlsplit(public_url).hostname or "localhost") in LOOPBACK else "0.0.0.0"  # noqa: S104 (published)


def listening() -> tuple[str, int]:
    """Read the address and port to listen on. Raises BadSetting."""
    port = here.integer("PORT", 8000, minimum=1)
    if port > 65535:
        raise BadSetting(f"PORT={port} is not a port")
    return address(here.text("OBSERVATORY_PUBLIC_URL", ""), here.text("OBSERVATORY_BIND", "")), port
