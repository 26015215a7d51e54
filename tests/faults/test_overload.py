"""R4: a frozen, silent or vanished database is answered quickly and honestly. The long form is `make faults`."""

import sys
import time

import pytest

from ingest import timeline
from ingest.projects.provision import issue_key
from observatory.embedded.place import SOCKET_NAME
from tests.faults import overload
from tests.faults.overload import LONGEST_ANSWER_S, Ask, crowded, frozen, posts, reads, seen
from tests.faults.proxy import Proxy, by_way_of
from tests.harness.installation import free_port, wait_until_answering

FROZEN_S = 7.0
CLIENTS = 24
TRIES = 3


@pytest.fixture
def serve(installation):
    """Start a web process of one's own, honest or with a planted bug; gives its process and its port."""
    children = []

    def start(planted="", **environment):
        port = free_port()
        words = ("tests.faults.planted", planted) if planted else ("observatory.embedded.web",)
        children.append(installation.child(sys.executable, "-m", *words, PORT=str(port), **environment))
        return children[-1], port

    yield start
    for child in children:
        child.terminate()
    for child in children:
        child.wait(20)


def answering(*started):
    for process, port in started:
        wait_until_answering(f"http://127.0.0.1:{port}/healthz", process)


def freeze(installation, honest, planted, asks):
    """Freeze the database once; gives what the crowds of the honest and of the planted web saw."""
    with crowded(honest[1], asks, CLIENTS) as crowd, crowded(planted[1], asks[:1], 4) as other:
        time.sleep(1)
        before, memory = time.monotonic(), overload.resident_mb(honest[0].pid)
        time.sleep(1)
        began, peak = time.monotonic(), memory
        with frozen(installation.server.pid):
            while time.monotonic() < began + FROZEN_S:
                peak = max(peak, overload.resident_mb(honest[0].pid))
                time.sleep(0.2)
            hanging = seen(other, before, began, time.monotonic(), time.monotonic(), 0)
        ended = time.monotonic()
        time.sleep(3)
        found = seen(crowd, before, began, ended, time.monotonic(), peak - memory)
    return found, hanging


@pytest.mark.fault
def test_a_frozen_database_hangs_nobody_and_a_web_without_deadlines_would_be_noticed(serve, installation, project):
    """One freeze, two webs on the same database: the product's, and one that waits as long as it takes."""
    key = issue_key(project.id, ["ingest", "read"], now=timeline.now())
    honest, planted = serve(), serve("no_deadline")
    answering(honest, planted)
    asks = [*[posts(key)] * 6, reads(key), Ask("GET", "/readyz")]
    # A machine that others hold up is late once; a web that waits for a frozen database is late every time.
    for _ in range(TRIES):
        found, hanging = freeze(installation, honest, planted, asks)
        if not found.late:
            break
    assert found.late == 0, str(found)
    assert found.p99_s <= LONGEST_ANSWER_S, str(found)
    assert set(found.statuses) <= overload.HONEST, str(found)
    assert found.statuses[503] > CLIENTS, str(found)
    assert found.without_retry_after == 0, str(found)
    assert found.growth_mb < overload.MOST_GROWTH_MB, str(found)
    assert found.rate_after > 0, str(found)  # how fast exactly is asked where nothing else runs
    assert hanging.late > 0, f"the planted bug was not noticed: {hanging}"


@pytest.mark.fault
def test_a_network_that_breaks_delays_or_pauses_costs_nobody_more_than_an_honest_answer(serve, installation, project):
    key = issue_key(project.id, ["ingest", "read"], now=timeline.now())
    with Proxy(str(installation.server.place.run / SOCKET_NAME)) as proxy:
        process, port = serve(DATABASE_URL=by_way_of(proxy, installation.server.urls.app))
        answering((process, port))
        with crowded(port, [posts(key), reads(key)], 6) as crowd:
            assert good_within(crowd, 5)
            for break_it in (proxy.reset, proxy.half_close, proxy.black_hole, lambda: proxy.delay(0.02)):
                break_it()
                time.sleep(0.5)
                proxy.forward()
                assert good_within(crowd, 5)
    assert proxy.connections > 1
    assert {shot.status for shot in crowd.shots} <= overload.HONEST
    assert max(shot.seconds for shot in crowd.shots) < LONGEST_ANSWER_S


def good_within(crowd, seconds):
    """Whether somebody is answered 200 to what was asked from now on, soon."""
    began = time.monotonic()
    while time.monotonic() < began + seconds:
        if any(shot.status == 200 and shot.began > began for shot in list(crowd.shots)):
            return True
        time.sleep(0.05)
    return False
