"""Where nothing is ever sent."""

import pytest

from alerts.addresses import networks, refusal

INSIDE = """
0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.254 127.0.0.1 127.255.255.254 169.254.169.254 172.16.0.1
172.31.255.255 192.0.0.1 192.0.0.170 192.0.2.1 192.31.196.1 192.52.193.1 192.88.99.1 192.168.0.1 192.175.48.1 198.18.0.1
198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
:: ::1 ::7f00:1 ::ffff:127.0.0.1 ::ffff:8.8.8.8 ::ffff:0:127.0.0.1 64:ff9b::7f00:1 64:ff9b::808:808 64:ff9b:1::1 100::1
2001::1 2001:0:5ef5:79fb:0:59d:a0c1:25ce 2001:2::1 2001:10::1 2001:20::1 2001:db8::1 2002:7f00:1:: 2002:808:808::1
2620:4f:8000::1 3fff::1 5f00::1 fc00::1 fd12:3456:789a::1 fe80::1 fe80::1%eth0 fec0::1 ff02::1 ff0e::1 4000::1
2606:4700::1111%eth0
"""
OUTSIDE = "1.1.1.1 8.8.8.8 93.184.216.34 100.63.255.255 100.128.0.1 172.32.0.1 223.255.255.255 2606:4700::1111 2a00:1450:4001::8a"


@pytest.mark.parametrize("address", INSIDE.split())
def test_an_address_that_is_not_global_or_carries_another_is_refused(address):
    assert refusal(address)


@pytest.mark.parametrize("address", OUTSIDE.split())
def test_a_global_address_is_allowed(address):
    assert refusal(address) is None


def test_an_operator_may_open_a_network():
    opened = networks(["10.1.0.0/16", "fd00::/8"])
    assert refusal("10.1.2.3", opened) is None
    assert refusal("fd12::1", opened) is None
    assert refusal("10.2.0.1", opened)
    assert refusal("::ffff:10.1.2.3", opened), "an address in another's clothes is not in the opened network"


def test_what_is_no_network_is_refused_loudly():
    with pytest.raises(ValueError, match=r"10\.0\.0\.0/40"):
        networks(["10.0.0.0/40"])
