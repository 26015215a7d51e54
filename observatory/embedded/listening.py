"""Where the web process listens, and with how many workers."""

from observatory.env import BadSetting, here, web_address

LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def address(public_url: str, wish: str) -> str:
    """Choose where to listen: as wished, else on this machine only while the product is published as localhost."""
    if wish:
        return wish
    return "127.0.0.1" if _host_of(public_url) in LOOPBACK else "0.0.0.0"  # noqa: S104 (published)


def _host_of(public_url: str) -> str | None:
    return web_address("OBSERVATORY_PUBLIC_URL", public_url).hostname if public_url else "localhost"


def web_workers() -> int:
    """Read how many web processes share the address. Raises BadSetting."""
    return here.integer("OBSERVATORY_WEB_WORKERS", 1, minimum=1)


def listening() -> tuple[str, int]:
    """Read the address and port to listen on. Raises BadSetting."""
    port = here.integer("PORT", 8000, minimum=1)
    if port > 65535:
        raise BadSetting(f"PORT={port} is not a port")
    return address(here.text("OBSERVATORY_PUBLIC_URL", ""), here.text("OBSERVATORY_BIND", "")), port
