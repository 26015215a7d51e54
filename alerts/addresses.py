"""Which addresses the product may connect to when a person of a project has chosen where. Pure.

Only global unicast, and nothing that carries another address inside: mapped, compatible, 6to4, Teredo and NAT64
addresses lead a packet to a place that the outer address does not name. `is_private` alone lets such ones through.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network

GLOBAL_UNICAST_6 = IPv6Network("2000::/3")
SPECIAL: tuple[tuple[Network, str], ...] = (
    (IPv4Network("192.0.0.0/24"), "reserved for protocols"),
    (IPv4Network("192.31.196.0/24"), "reserved for AS112"),
    (IPv4Network("192.52.193.0/24"), "reserved for AMT relays"),
    (IPv4Network("192.88.99.0/24"), "a 6to4 relay"),
    (IPv4Network("192.175.48.0/24"), "reserved for AS112"),
    (IPv6Network("2001::/23"), "Teredo or another protocol's own"),
    (IPv6Network("2002::/16"), "6to4"),
    (IPv6Network("2620:4f:8000::/48"), "reserved for AS112"),
    (IPv6Network("3fff::/20"), "for documentation"),
)


def networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Networks in CIDR notation, as an operator allow-lists them. Raises ValueError naming what is none."""
    return tuple(ip_network(text) for text in texts)


def refusal(text: str, allowed: Sequence[Network] = ()) -> str | None:
    """Why no connection to this address is made; None when it may be.

    `allowed` are networks that the operator, not a project, has opened. Raises ValueError for what is no address.
    """
    address = ip_address(text)
    if any(address.version == network.version and address in network for network in allowed):
        return None
    if isinstance(address, IPv6Address):
        return _refusal_6(address)
    return _refusal(address)


def _refusal_6(address: IPv6Address) -> str | None:
    if address.scope_id or address not in GLOBAL_UNICAST_6:
        return f"{address} is not a global address"
    return _refusal(address)


def _refusal(address: IPv4Address | IPv6Address) -> str | None:
    for network, what in SPECIAL:
        if address.version == network.version and address in network:
            return f"{address} is {what}"
    if address.is_multicast or address.is_reserved or not address.is_global:
        return f"{address} is not a global address"
    return None
