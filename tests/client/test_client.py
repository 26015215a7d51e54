"""The client that people copy: it records, survives what it must survive, and never troubles the app."""

import asyncio
import base64
import gzip
import json
import logging
import os
import socket
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import httpx2
import pytest

from ingest.contract import LARGEST_BODY
from ingest.models import Feedback, Interaction
from ingest.projects.scope import project_scope
from tests.client.conftest import FILE
from tests.harness.installation import free_port, wait_until_answering


def stored(project) -> dict[str, Interaction]:
    with project_scope(project.id):
        return {one.id: one for one in Interaction.objects.all()}


def shown(web, key, id):
    return httpx2.get(f"{web}/api/v1/interactions/{id}", headers={"Authorization": f"Bearer {key}"}).json()


def test_everything_it_can_record_is_stored(web, key, project, make_client):
    client = make_client(web, key, environment="test")
    id = client.interaction("write-draft", prompt="Hi", output="Hello", model="gpt-4o", user_id=7, segment=None)
    client.feedback("thumb", id, value="up")
    client.cost("human_review", 0.45, feature="write-draft")
    client.change("prompt", "Shorter drafts", version="v12")
    assert client.flush(10)
    assert client.counts() == {"waiting": 0, "sent": 4, "dropped": 0, "refused": 0}
    told = shown(web, key, id)
    assert (told["environment"], told["user_id"], told["segment"]) == ("test", "7", None)
    with project_scope(project.id):
        assert Feedback.objects.filter(interaction_id=id).count() == 1


def test_a_call_is_measured_and_so_is_its_error(web, key, make_client):
    client = make_client(web, key)
    with client.track("chat", model="gpt-4o", prompt="Hi") as good:
        time.sleep(0.02)
        good.first_token()
        good.update(output="Hello", input_tokens=3)

    class RateLimitError(Exception):
        pass

    with pytest.raises(RateLimitError), client.track("chat") as bad:
        raise RateLimitError("slow down")
    assert client.flush(10)
    told = shown(web, key, good.id)
    assert (told["status"], told["output"], told["input_tokens"]) == ("ok", "Hello", 3)
    assert 20 <= told["time_to_first_token_ms"] <= told["latency_ms"] < 5_000
    told = shown(web, key, bad.id)
    assert (told["status"], told["error_class"], told["error_message"]) == ("error", "rate_limit", "slow down")


def test_functions_and_coroutines_can_be_measured_by_a_decorator(web, key, project, make_client):
    client = make_client(web, key)

    @client.track("plain")
    def plain(text):
        return text.upper()

    @client.track("awaited")
    async def awaited(text):
        await asyncio.sleep(0.01)
        return text.upper()

    with ThreadPoolExecutor(1) as elsewhere:  # where a browser was opened, its loop runs in this thread
        last = elsewhere.submit(lambda: asyncio.run(awaited("c"))).result(10)
    assert [plain("a"), plain("b"), last] == ["A", "B", "C"]
    assert client.flush(10)
    found = stored(project)
    assert len(found) == 3
    assert sorted(shown(web, key, id)["output"] for id in found) == ["A", "B", "C"]


@pytest.mark.parametrize(
    ("name", "status", "found"),
    [
        ("APITimeoutError", None, "timeout"), ("RateLimitError", 429, "rate_limit"), ("APIStatusError", 401, "auth"),
        ("ContentFilterFinishReasonError", None, "content_filter"), ("ContextLengthExceeded", 400, "context_length"),
        ("InternalServerError", 500, "server"), ("APIConnectionError", None, "network"), ("ValueError", None, "other"),
    ],
)  # fmt: skip
def test_errors_have_a_class(web, key, make_client, name, status, found):
    client = make_client(web, key)
    error = type(name, (Exception,), {"status_code": status} if status else {})
    with pytest.raises(error), client.track("chat") as call:
        raise error
    assert client.flush(10)
    assert shown(web, key, call.id)["error_class"] == found


def test_an_error_that_cannot_be_asked_for_its_status_is_recorded_all_the_same(web, key, make_client):
    class OddError(Exception):
        @property
        def status_code(self):
            raise RuntimeError

    client = make_client(web, key)
    with pytest.raises(OddError), client.track("chat") as call:
        raise OddError("connection refused")
    assert client.flush(10)
    assert shown(web, key, call.id)["error_class"] == "network"


def test_it_batches_compresses_and_makes_the_ids_itself(server, make_client):
    server.answers = [(200, {}, b'{"results": []}')] * 9
    client = make_client(server.url, batch_seconds=5.0)
    ids = [client.interaction("chat", prompt="x" * 100) for _ in range(450)]
    assert client.flush(10)
    bodies = [json.loads(gzip.decompress(body)) for _, _, body in server.received]
    assert [len(items) for items in bodies] == [200, 200, 50]
    assert [item["id"] for items in bodies for item in items] == ids
    assert {item["type"] for items in bodies for item in items} == {"interaction"}
    assert all("occurred_at" in item for items in bodies for item in items)
    assert server.received[0][1]["Authorization"] == "Bearer obs_test_key"


def test_a_refused_batch_comes_again_unchanged_and_no_sooner_than_asked(server, make_client):
    server.answers = [(503, {}, b""), (429, {"Retry-After": "1"}, b""), (200, {}, b'{"results": []}')]
    client = make_client(server.url)
    client.interaction("chat")
    deadline = time.monotonic() + 15
    while client.counts()["sent"] < 1 and time.monotonic() < deadline:
        time.sleep(0.02)
    (first, _, one), (second, _, two), (third, _, three) = server.received
    assert one == two == three or json.loads(gzip.decompress(one)) == json.loads(gzip.decompress(three))
    assert 0.3 < second - first < 1.5
    assert third - second > 0.9
    assert client.counts() == {"waiting": 0, "sent": 1, "dropped": 0, "refused": 0}


def test_a_batch_that_is_too_large_is_halved(server, make_client):
    large, good = (413, {}, b""), (200, {}, b'{"results": []}')
    server.answers = [large, good, large, good, large]
    client = make_client(server.url, batch_seconds=5.0)
    for _ in range(4):
        client.interaction("chat")
    assert client.flush(10)
    assert [len(json.loads(gzip.decompress(body))) for _, _, body in server.received] == [4, 2, 2, 1, 1]
    assert client.counts() == {"waiting": 0, "sent": 3, "dropped": 0, "refused": 1}


@pytest.mark.parametrize("more", [0, 1])
def test_a_record_that_no_request_can_hold_is_refused_here_and_holds_up_no_other(
    client_module, server, make_client, caplog, more
):
    """The server would hang up on it in the middle: that looks like a network that is down, and would be tried for ever."""
    good = (200, {}, b'{"results": []}')
    server.answers = [good] * 3
    client = make_client(server.url, batch_seconds=5.0)
    with caplog.at_level(logging.WARNING, "observatory"):
        client.interaction("chat", id="before")
        client.interaction("chat", id="large", prompt=base64.b64encode(os.urandom(LARGEST_BODY * 8 // 7)).decode())
        for number in range(more):
            client.interaction("chat", id=f"beside-{number}")
        assert client.flush(10)
        client.interaction("chat", id="after")
        assert client.flush(10)
    sent = [item["id"] for *_, body in server.received for item in json.loads(gzip.decompress(body))]
    assert sent == ["before", *(f"beside-{number}" for number in range(more)), "after"]
    assert client.counts() == {"waiting": 0, "sent": 2 + more, "dropped": 0, "refused": 1}
    (said,) = [record.message for record in caplog.records]
    assert said.startswith("1 records were refused with 413: ")
    assert "of at most 5,242,880" in said
    assert (client._bytes, server.hung_up, client_module.LARGEST_BODY) == (0, 0, LARGEST_BODY)


def test_memory_is_bounded_while_the_server_is_dead_and_the_loss_is_counted_and_told_once(make_client, caplog):
    client = make_client(f"http://127.0.0.1:{free_port()}", max_items=300, max_bytes=100_000)
    with caplog.at_level(logging.WARNING, "observatory"):
        for number in range(1_000):
            client.interaction("chat", id=f"i-{number}", prompt="x" * 200)
        assert client.flush(0.2) is False
    told = client.counts()
    assert told["waiting"] + told["dropped"] == 1_000
    assert 100 < told["waiting"] <= 300
    assert client._bytes <= 100_000
    assert json.loads(client._queue[-1][1])["id"] == "i-999"
    said = [record.message for record in caplog.records]
    assert len(said) == 2, said  # that nobody answers, and that records are dropped


def test_nothing_is_raised_whatever_is_recorded(server, make_client):
    class Hostile:
        def __str__(self):
            raise RuntimeError("no")

    loop: list[object] = []
    loop.append(loop)
    client = make_client(server.url)
    for value in (float("nan"), b"\xff", {1, 2}, object(), Hostile(), loop, "\ud800", 10**400, {("a",): 1}):
        client.interaction("chat", metadata={"value": value})
        client.interaction("chat", id=value, prompt=value)
    with client.track("chat", id=Hostile()) as call:
        call.update(feature="other", prompt=Hostile())
    with pytest.raises(ZeroDivisionError), client.track("chat"):
        raise ZeroDivisionError
    assert make_client("no address at all").interaction("chat")
    assert make_client(server.url, "").interaction("chat")
    assert make_client("http://[broken").interaction("chat")


def test_many_threads_lose_nothing(web, key, project, make_client):
    client = make_client(web, key)
    threads = [threading.Thread(target=lambda: [client.interaction("chat") for _ in range(50)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert client.flush(20)
    assert len(stored(project)) == 400


def run(program: str, web: str, key: str) -> subprocess.CompletedProcess[str]:
    """Run an app of its own that has copied the client."""
    environment = {**os.environ, "PYTHONPATH": str(FILE.parent), "OBSERVATORY_URL": web, "OBSERVATORY_KEY": key}
    words = [sys.executable, "-c", textwrap.dedent(program)]
    return subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_what_is_left_at_the_end_of_the_process_is_sent(web, key, project):
    done = run(
        """
        from observatory_client import Observatory
        observatory = Observatory(batch_seconds=60)
        for number in range(30):
            observatory.interaction("chat", id=f"end-{number}")
        """,
        web,
        key,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(stored(project)) == 30


def test_parent_and_children_of_a_fork_each_send_their_own_once(web, key, project):
    """As under gunicorn with a preloaded app: the client is made and used before the workers are forked."""
    done = run(
        """
        import os, sys
        from observatory_client import Observatory
        observatory = Observatory(batch_seconds=60)
        for number in range(20):
            observatory.interaction("chat", id=f"parent-{number}")
        children = []
        for worker in range(3):
            child = os.fork()
            if not child:
                for number in range(10):
                    observatory.interaction("chat", id=f"worker-{worker}-{number}")
                sys.exit(0 if observatory.counts()["waiting"] == 10 else 3)
            children.append(child)
        assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
        assert observatory.flush(20)
        counts = observatory.counts()
        assert counts == {"waiting": 0, "sent": 20, "dropped": 0, "refused": 0}, counts
        """,
        web,
        key,
    )
    assert (done.returncode, done.stderr) == (0, "")
    names = sorted(stored(project))
    assert len(names) == 50


def test_a_fork_in_the_middle_of_the_traffic_hangs_nobody(web, key, project):
    done = run(
        """
        import os, threading, time
        from observatory_client import Observatory
        observatory = Observatory(batch_seconds=0.01)
        stop = threading.Event()
        def traffic():
            while not stop.wait(0.001):
                observatory.interaction("chat")
        threading.Thread(target=traffic, daemon=True).start()
        for _ in range(10):
            time.sleep(0.03)
            child = os.fork()
            if not child:
                observatory.interaction("chat")
                os._exit(0 if observatory.flush(20) else 3)
            assert os.waitpid(child, 0)[1] == 0
        stop.set()
        assert observatory.flush(20)
        """,
        web,
        key,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(stored(project)) >= 10


def wait_until_free(port):
    """Until the web's worker has died of its parent's death."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return
        time.sleep(0.02)


def test_a_web_that_is_killed_in_between_loses_nothing_while_the_app_lives(installation, key, project, make_client):
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    start = partial(installation.child, sys.executable, "-m", "observatory.embedded.web", PORT=str(port))
    web = start()
    wait_until_answering(f"{address}/healthz", web)
    client = make_client(address, key)
    ids = [client.interaction("chat", id=f"before-{number}") for number in range(50)]
    time.sleep(0.2)
    web.kill()
    web.wait()
    wait_until_free(port)
    ids += [client.interaction("chat", id=f"meanwhile-{number}") for number in range(300)]
    assert client.flush(0.5) is False
    wait_until_answering(f"{address}/healthz", start())
    assert client.flush(30)
    assert set(stored(project)) == set(ids)
    assert client.counts() == {"waiting": 0, "sent": 350, "dropped": 0, "refused": 0}


def test_it_is_short_enough_to_be_read_and_old_pythons_understand_it():
    import ast

    source = FILE.read_text()
    assert source.count("\n") <= 300
    ast.parse(source, feature_version=(3, 9))
    names = {node.names[0].name for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import)}
    names |= {node.module or "" for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} - {"__future__"} <= set(sys.stdlib_module_names)
