"""The guarded way out: what is refused before a connection, and what an answer means after one."""

import contextlib
import http.client
import socket
import threading
import time

import pytest

from alerts import outgoing
from alerts.addresses import networks
from alerts.outgoing import AddressRefused, NoAnswer, post

LOOPBACK = networks(["127.0.0.0/8"])


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/",
        "http://localhost:{port}/",
        "http://2130706433:{port}/",
        "http://0x7f.1:{port}/",
        "http://0177.0.0.1:{port}/",
        "http://127.1:{port}/",
        "http://0:{port}/",
        "http://[::1]:{port}/",
        "http://[::ffff:127.0.0.1]:{port}/",
        "http://[::ffff:7f00:1]:{port}/",
        "http://[::127.0.0.1]:{port}/",
        "http://[64:ff9b::7f00:1]:{port}/",
        "http://[2002:7f00:1::]:{port}/",
        "http://169.254.169.254/latest/meta-data/",
        "http://user:secret@example.com/",
        "http://user@127.0.0.1:{port}/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:{port}/",
        "//example.com/",
        "example.com",
        "http://",
        "http:///path",
        "http://example.com:99999/",
        "http://[::1/",
        "http://exa mple.com/",
        "http://example.com/\r\nX-Injected: 1",
        "",
    ],
)
def test_an_address_that_leads_inside_or_is_none_gets_no_connection(url, hook):
    port = hook.url.split(":")[2].split("/")[0]
    with pytest.raises(AddressRefused):
        post(url.format(port=port), b"{}", {})
    assert hook.received == []


def test_a_network_that_the_operator_opened_is_reached(hook):
    answer = post(hook.url + "?a=1", b"{}", {"X-Test": "yes"}, allowed=LOOPBACK)
    assert answer.status == 204
    assert (hook.received[0].path, hook.received[0].headers["x-test"]) == ("/hook?a=1", "yes")


def resolving(monkeypatch, *answers):
    """Let names resolve to each of the answers in turn; addresses stay themselves."""
    asked, real = [], socket.getaddrinfo

    def lookup(host, port, *args, **kwargs):
        if host[0].isdigit() or ":" in host:
            return real(host, port, *args, **kwargs)
        asked.append(host)
        found = answers[min(len(asked), len(answers)) - 1]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    return asked


@pytest.fixture
def rebinding(hook, monkeypatch):
    """DNS rebinding: a name whose first answer is allowed and whose later ones lead inside. Gives the lookups made."""
    port = int(hook.url.split(":")[2].split("/")[0])
    asked = resolving(monkeypatch, ["127.0.0.1"], ["127.0.0.2"])

    def run():
        with contextlib.suppress(NoAnswer):
            post(f"http://rebinding.example:{port}/", b"{}", {}, allowed=networks(["127.0.0.1/32"]))
        return asked

    return run


def test_a_name_that_resolves_differently_the_second_time_reaches_only_what_was_checked(rebinding, hook):
    assert rebinding() == ["rebinding.example"], "the name is resolved once"
    assert hook.received[0].headers["host"].startswith("rebinding.example:")


def test_the_planted_bug_of_checking_and_then_fetching_is_seen(rebinding, hook, monkeypatch):
    def fetched(place, addresses, until):
        connection = http.client.HTTPConnection(place.host, place.port, timeout=1)
        connection.connect()
        return connection

    monkeypatch.setattr(outgoing, "_connected", fetched)
    with contextlib.suppress(OSError):
        rebinding()
    assert hook.received == [], "with the bug the second, unchecked answer is where it goes"


def test_a_name_with_one_address_inside_is_refused_altogether(hook, monkeypatch):
    port = int(hook.url.split(":")[2].split("/")[0])
    resolving(monkeypatch, ["127.0.0.1", "10.0.0.1"])
    with pytest.raises(AddressRefused, match=r"10\.0\.0\.1 .* OBSERVATORY_ALLOWED_WEBHOOK_NETWORKS"):
        post(f"http://both.example:{port}/", b"{}", {}, allowed=LOOPBACK)
    assert hook.received == []


def test_a_redirect_is_an_answer_and_is_not_followed(hook):
    hook.answers = [(302, {"Location": hook.url.replace("/hook", "/inside")})]
    assert post(hook.url, b"{}", {}, allowed=LOOPBACK).status == 302
    assert [request.path for request in hook.received] == ["/hook"]


def test_no_proxy_of_the_environment_is_used(hook, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert post(hook.url, b"{}", {}, allowed=LOOPBACK).status == 204


@pytest.mark.parametrize("slow", [{"hang_s": 3.0}, {"drip_s": 0.05}])
def test_a_receiver_that_hangs_or_drips_is_left_at_the_deadline(hook, slow):
    for name, seconds in slow.items():
        setattr(hook, name, seconds)
    began = time.monotonic()
    with pytest.raises(NoAnswer, match="within"):
        post(hook.url, b"{}", {}, allowed=LOOPBACK, deadline_s=0.5)
    assert time.monotonic() - began < 1.5


def test_nobody_listening_and_no_such_name_are_no_answer(monkeypatch):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(NoAnswer, match="no connection"):
        post(f"http://127.0.0.1:{port}/", b"{}", {}, allowed=LOOPBACK)

    def nowhere(*_, **__):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nowhere)
    with pytest.raises(NoAnswer, match="cannot be resolved"):
        post("http://gone.example/", b"{}", {})
    outgoing.check("http://gone.example/")


def test_garbage_for_an_answer_is_no_answer():
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer():
            connection, _ = server.accept()
            connection.recv(1_000)
            connection.sendall(b"\x00\x01garbage\r\n\r\n")
            connection.close()

        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(NoAnswer):
            post(f"http://127.0.0.1:{server.getsockname()[1]}/", b"{}", {}, allowed=LOOPBACK)


def test_https_checks_the_certificate_of_the_name(hook):
    with pytest.raises(NoAnswer, match="SSL"):
        post(hook.url.replace("http://", "https://"), b"{}", {}, allowed=LOOPBACK, deadline_s=2)
    assert hook.received == []
