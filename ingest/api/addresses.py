"""Where a request comes from, as far as that can be told."""

import ipaddress
from collections.abc import Mapping
from typing import Any

from django.conf import settings

NETWORK_BITS = 64  # of IPv6: the smallest network that one household or machine is given


def client_of(environ: Mapping[str, Any]) -> str:
    """The client's address, of IPv6 its network; behind a proxy of ours the last one that the proxy names."""
    found = str(environ.get("REMOTE_ADDR", ""))
    if settings.IS_BEHIND_PROXY:
        found = str(environ.get("HTTP_X_FORWARDED_FOR", "")).rpartition(",")[2].strip() or found
    try:
        address = ipaddress.ip_address(found)
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((int(address), NETWORK_BITS), strict=False))
