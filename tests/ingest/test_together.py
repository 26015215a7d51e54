"""Small requests that wait together share a commit, and each is answered as if it had been alone."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from ingest.database import Unavailable
from ingest.dimensions import RecordKind
from ingest.normalise import Entry
from ingest.storage import Stored
from ingest.together import AT_WORK, SMALL, stored_together


def entry(key: str, content: str = "same") -> Entry:
    return Entry(0, RecordKind.INTERACTION, None, None, content.encode(), key=key.encode())


class Record:
    """Storing that takes its time; `spoilt` keys make a statement fail."""

    def __init__(self, spoilt: str = "", *, is_away: bool = False) -> None:
        self.spoilt = spoilt.encode()
        self.is_away = is_away
        self.contents: dict[bytes, bytes] = {}
        self.sizes: list[int] = []
        self.at_work = self.most_at_work = 0
        self._lock = threading.Lock()

    def store(self, entries: Sequence[Entry]) -> Stored:
        with self._lock:
            self.sizes.append(len(entries))
            self.at_work += 1
            self.most_at_work = max(self.most_at_work, self.at_work)
        time.sleep(0.02)
        with self._lock:
            self.at_work -= 1
            if self.is_away:
                raise Unavailable
            if self.spoilt in [one.key for one in entries]:
                raise ValueError("spoilt")
            known = {one.key: self.contents[one.key] for one in entries if one.key in self.contents}
            fresh = {one.key for one in entries} - known.keys()
            for one in entries:
                self.contents.setdefault(one.key, one.content)
            return Stored(frozenset(fresh), known)


def at_once(record: Record, requests: Sequence[Sequence[Entry]]) -> list[Any]:
    """What became of each request, all sent together; an exception stands for itself."""

    def send(entries: Sequence[Entry]) -> Any:
        try:
            return stored_together("line", entries, record.store)
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(requests)) as pool:
        return list(pool.map(send, requests))


def test_those_who_wait_share_a_commit_and_no_more_than_two_are_under_way() -> None:
    record = Record()
    results = at_once(record, [[entry(f"k{number}")] for number in range(30)])
    assert all(isinstance(result, Stored) for result in results)
    assert len(record.contents) == sum(record.sizes) == 30
    assert len(record.sizes) < 15
    assert record.most_at_work <= AT_WORK


def test_of_two_who_bring_the_same_key_one_stores_and_the_other_learns_what_was_stored() -> None:
    record = Record()
    results = at_once(record, [[entry("same key", f"content {number}")] for number in range(12)])
    known = [result.known for result in results]
    assert known.count({}) == 1
    assert {content for one in known for content in one.values()} == set(record.contents.values())


def test_what_one_spoils_costs_the_others_nothing() -> None:
    record = Record(spoilt="k7")
    results = at_once(record, [[entry(f"k{number}")] for number in range(20)])
    failed = [number for number, result in enumerate(results) if isinstance(result, Exception)]
    assert failed == [7]
    assert set(record.contents) == {f"k{number}".encode() for number in range(20) if number != 7}


def test_an_absent_database_is_told_to_everybody() -> None:
    results = at_once(Record(is_away=True), [[entry(f"k{number}")] for number in range(12)])
    assert all(isinstance(result, Unavailable) for result in results)


def test_a_large_request_goes_alone() -> None:
    record = Record()
    at_once(record, [[entry(f"{number}-{place}") for place in range(SMALL + 1)] for number in range(4)])
    assert record.sizes == [SMALL + 1] * 4


@pytest.mark.parametrize("path", ["interactions", "feedback"])
def test_over_http_each_of_many_senders_gets_the_answer_it_would_get_alone(
    path: str, post: Callable[..., httpx2.Response]
) -> None:
    body: dict[str, Any] = {"feature": "write-draft"}
    if path == "feedback":
        body = {"kind": "nps", "feature": "write-draft", "score": 7}

    def send(number: int) -> tuple[str, str]:
        sent = {**body, "id": f"{path}-{number % 40}", "metadata": {"round": number // 80}}
        answer = post(path, sent)
        assert answer.status_code in {200, 207}, answer.text
        result = answer.json()["results"][0]
        return result["id"], result["status"]

    with ThreadPoolExecutor(16) as pool:
        told = list(pool.map(send, range(160)))
    counted = Counter(status for _, status in told)
    assert counted["created"] == 40
    assert {id for id, status in told if status == "created"} == {f"{path}-{number}" for number in range(40)}
    assert counted["duplicate"] + counted["conflict"] == 120
    assert counted["conflict"] >= 40  # whichever round came first, the other one's contents differ


def test_whoever_waits_in_line_gives_up_when_its_patience_ends_and_leaves_the_line_as_it_was():
    from ingest.driver import patience
    from ingest.together import _lines

    release, record = threading.Event(), Record()

    def hang(entries: Sequence[Entry]) -> Stored:
        release.wait(10)
        return record.store(entries)

    def wait_briefly() -> None:
        with patience.at_most(0.1):
            stored_together("slow", [entry("late")], record.store)

    with ThreadPoolExecutor(AT_WORK) as pool:
        working = [pool.submit(stored_together, "slow", [entry(str(number))], hang) for number in range(AT_WORK)]
        while getattr(_lines.get("slow"), "at_work", 0) < AT_WORK:
            time.sleep(0.001)
        with pytest.raises(Unavailable):
            wait_briefly()
        assert _lines["slow"].waiting == []
        release.set()
        assert all(one.result(10).fresh for one in working)
    assert b"late" not in record.contents
    assert "slow" not in _lines
