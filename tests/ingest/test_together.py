"""Small requests that wait together share a commit, and each is answered as if it had been alone."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from ingest import together
from ingest.database import Unavailable
from ingest.dimensions import RecordKind
from ingest.driver import patience
from ingest.normalise import Entry
from ingest.quotas.places import NoPlace, Places, Room
from ingest.storage import Stored
from ingest.together import AT_WORK, MOST_ENTRIES, SMALL, _lines, stored_together


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


class Held:
    """Storing of one line that is under way as often as it may be, until it is let go."""

    def __init__(self, line: str) -> None:
        self.line = line
        self._leave = threading.Semaphore(0)
        self._pool = ThreadPoolExecutor(AT_WORK)

    def __enter__(self) -> "Held":
        for number in range(AT_WORK):
            self._pool.submit(stored_together, self.line, [entry(f"first {number}")], self._wait)
        while getattr(_lines.get(self.line), "at_work", 0) < AT_WORK:
            time.sleep(0.001)
        return self

    def __exit__(self, *_: object) -> None:
        self.let_go()
        self._pool.shutdown()

    def _wait(self, entries: Sequence[Entry]) -> Stored:
        self._leave.acquire(timeout=10)
        return Stored(frozenset(one.key for one in entries), {})

    def until_waiting(self, tickets: int) -> None:
        while len(_lines[self.line].waiting) < tickets:
            time.sleep(0.001)

    def let_go(self, times: int = AT_WORK) -> None:
        self._leave.release(times)


def test_a_key_that_a_company_brings_twice_is_fresh_for_the_first_and_known_to_the_other() -> None:
    record = Record()
    with Held("twice") as held, ThreadPoolExecutor(3) as pool:
        sent = []
        for number in range(3):  # the first of them gets the turn and stores for the others, too
            sent.append(pool.submit(stored_together, "twice", [entry("key", f"content {number}")], record.store))
            held.until_waiting(number + 1)
        held.let_go(1)
        told = [one.result(10) for one in sent]
    assert record.sizes == [3]
    assert [one.known for one in told] == [{}, {b"key": b"content 0"}, {b"key": b"content 0"}]


def test_one_commit_takes_so_many_entries_and_no_more() -> None:
    record, requests = Record(), 4 * MOST_ENTRIES // SMALL
    with Held("many") as held, ThreadPoolExecutor(requests) as pool:
        sent = [
            pool.submit(stored_together, "many", [entry(f"{number}-{at}") for at in range(SMALL)], record.store)
            for number in range(requests)
        ]
        held.until_waiting(requests)
        held.let_go()
        assert all(len(one.result(10).fresh) >= SMALL for one in sent)
    assert record.sizes == [MOST_ENTRIES] * 4


def test_whoever_waits_in_line_leaves_its_place_to_work_to_others() -> None:
    places, record = Places(Room(1, 1, 99, 0, 0)), Record()

    def work() -> Stored:
        with places.working(1, 0.0):
            return stored_together("aside", [entry("later")], record.store)

    with Held("aside") as held, ThreadPoolExecutor(1) as pool:
        later = pool.submit(work)
        held.until_waiting(1)
        with places.working(2, 0.5):
            pass
        held.let_go()
        assert later.result(10).fresh
    with pytest.raises(NoPlace), places.working(1, 0.0), places.working(1, 0.0):
        pass  # and it is free once, not twice


def test_waiting_in_line_costs_patience() -> None:
    def work() -> float:
        with patience.at_most(5):
            stored_together("patient", [entry("later")], Record().store)
            return patience.left(None) or 0.0

    with Held("patient") as held, ThreadPoolExecutor(1) as pool:
        left = pool.submit(work)
        held.until_waiting(1)
        time.sleep(0.1)
        held.let_go()
        assert left.result(10) <= 4.9


@pytest.mark.parametrize("word", ["has_turn", "stored", "failure", ""])
def test_a_wait_that_came_to_an_end_in_the_last_moment_is_not_given_up(word: str) -> None:
    ends = {"has_turn": True, "stored": Stored(frozenset(), {}), "failure": Unavailable()}
    ticket = together._Ticket([entry("late")])
    if word:
        setattr(ticket, word, ends[word])
        together._leave("nobody's", ticket)
    else:
        with pytest.raises(Unavailable):
            together._leave("nobody's", ticket)
