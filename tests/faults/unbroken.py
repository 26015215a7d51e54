"""R3: no input breaks ingestion, one bad item never costs its neighbours, text is kept exactly.

Every input goes over HTTP to the product's own web, and is noted with its answer, its seconds and its memory.
"""

import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any

import psycopg
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.faults.campaign import Campaign, Ground, Planted
from tests.faults.probe import Body, Probe, Seen
from tests.faults.stack import new_project
from tests.ingest import hostile

# Seconds of the web's work: what a sender waits for beside it is the machine's doing, and is told with it.
LONGEST_S, HEAVIEST_MIB = 1.0, 64.0
BYTES, FIELDS, TEXTS, DESCRIBED = 25_000, 27_000, 15_000, 10_000
AT_ONCE = 1_000
ENDPOINTS = tuple(hostile.GOOD)
EXPECTED = {200, 207, 400, 413, 415}
CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
    response_schema_conformance,
]  # fmt: skip
TEXT_REPAIRED = 1
STORED = """
    SELECT id, p.prompt, p.output, i.flags FROM interaction i JOIN payload p USING (project_id, occurred_at, id)
    WHERE project_id = %s
"""


@dataclass
class Unbroken:
    """What came of hostile inputs."""

    seen: Seen
    harmed: list[str] = field(default_factory=list)
    altered: list[str] = field(default_factory=list)

    @property
    def is_kept(self) -> bool:
        """Whether everything was answered, cheaply, no neighbour was harmed and no text altered."""
        is_cheap = self.seen.hardest[0] < LONGEST_S and self.seen.heaviest[0] < HEAVIEST_MIB
        return is_cheap and not (self.seen.errors or self.harmed or self.altered)

    def __str__(self) -> str:
        said = "".join(f"; {what[0]}" for what in (self.harmed, self.altered) if what)
        return f"{self.seen}; {len(self.harmed)} neighbours harmed, {len(self.altered)} texts altered{said}"


@contextmanager
def _probing(ground: Ground) -> Iterator[tuple[Probe, Unbroken]]:
    with Probe(ground.stack, ground.stack.new_key("ingest,read,admin"), LONGEST_S, HEAVIEST_MIB) as probe:
        yield probe, Unbroken(probe.seen)


def _statuses(body: bytes) -> list[str]:
    """What became of each item; one that is there twice by now has been stored all the same."""
    try:
        statuses = [result["status"] for result in json.loads(body)["results"]]
        return ["created" if status == "duplicate" else status for status in statuses]
    except (ValueError, KeyError, TypeError):
        return ["invalid"]  # nothing usable: the answer names errors


def corpus(ground: Ground) -> Unbroken:
    """Every hostile value in every field of every endpoint: alone, and first, in the middle and last of three."""
    everything = ((path, item) for path in ENDPOINTS for item in hostile.items(path, every_field=True))
    with _probing(ground) as (probe, found):
        for path, item in ground.some(everything):
            good, name = hostile.GOOD[path] % b"", f"{path} {item[:80]!r}"
            alone = _statuses(probe.ask("POST", path, item, name).body)
            for place in range(3):
                items = [good, good]
                items.insert(place, item)
                said = _statuses(probe.ask("POST", path, b"[" + b",".join(items) + b"]", name).body)
                if said[:place] + said[place + 1 :] != ["created"] * 2 or said[place : place + 1] != alone:
                    found.harmed.append(f"{name} at {place}: {said}, alone {alone}")
    return found


def _chunks(body: bytes) -> list[bytes]:
    step = max(1, len(body) // 5)
    return [body[at : at + step] for at in range(0, len(body), step)]


def _headed(change: Callable[[bytes], Body], **headers: str) -> Callable[[bytes], tuple[Body, dict[str, str]]]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda body: (change(body), named)


TRAVELS: dict[str, Callable[[bytes], tuple[Body, dict[str, str]]]] = {
    "as it is": _headed(bytes),
    "as lines": _headed(bytes, Content_Type="application/x-ndjson"),
    "in chunks": _headed(_chunks),
    "in gzip": _headed(partial(gzip.compress, compresslevel=1), Content_Encoding="gzip"),
    "in deflate": _headed(zlib.compress, Content_Encoding="deflate"),
    "in gzip of gzip": _headed(lambda body: gzip.compress(gzip.compress(body, 1)), Content_Encoding="gzip"),
    "in gzip, cut": _headed(lambda body: gzip.compress(body, 1)[:-5], Content_Encoding="gzip"),
    "in gzip, it says": _headed(bytes, Content_Encoding="gzip"),
    "in deflate, it says": _headed(bytes, Content_Encoding="deflate"),
    "in br": _headed(bytes, Content_Encoding="br"),
    "as text": _headed(bytes, Content_Type="text/plain; charset=utf-16"),
    "as a form": _headed(bytes, Content_Type="multipart/form-data; boundary=x"),
}


def bodies(ground: Ground) -> Unbroken:
    """Every hostile body to every endpoint, however bodies can travel."""
    everything = (
        (path, body, travel)
        for path in ENDPOINTS
        for body in (*hostile.BODIES, *hostile.CROWDS, *hostile.LINES)
        for travel in TRAVELS
    )
    with _probing(ground) as (probe, found):
        for path, body, travel in ground.some(everything):
            sent, headers = TRAVELS[travel](body)
            answer = probe.ask("POST", path, sent, f"{path} {body[:40]!r} {travel}", headers)
            if answer.status not in EXPECTED:
                found.seen.errors.append(f"{answer.status} for {path} {body[:40]!r} {travel}")
    return found


def _each(ground: Ground, full: int, values: st.SearchStrategy[Any], done: Callable[[], int], use: Any) -> None:
    """Use so many generated values, and go on whatever comes of one."""
    for number in count(ground.seed * 1_000):
        left = ground.of(full) - done()
        if left <= 0:
            break
        examples = settings(
            max_examples=min(left, AT_ONCE), phases=[Phase.generate], database=None, deadline=None,
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        seeded(number)(examples(given(values)(use)))()


def _spoilt(path: str) -> st.SearchStrategy[bytes]:
    """A good body in which some bytes are others, more or fewer."""
    good = b"[" + hostile.GOOD[path] % b"" + b"]"
    cut = st.integers(0, len(good))
    return st.tuples(cut, st.integers(0, 4), st.binary(max_size=4)).map(
        lambda drawn: good[: drawn[0]] + drawn[2] + good[drawn[0] + drawn[1] :]
    )


def any_bytes(ground: Ground) -> Unbroken:
    """Bytes by chance, and good bodies with some of them."""
    each = st.sampled_from(ENDPOINTS).flatmap(
        lambda path: st.tuples(st.just(path), st.one_of(st.binary(max_size=200), _spoilt(path)))
    )
    with _probing(ground) as (probe, found):

        def send(drawn: tuple[str, bytes]) -> None:
            probe.ask("POST", drawn[0], drawn[1], f"{drawn}")

        _each(ground, BYTES, each, lambda: probe.seen.requests, send)
    return found


HARD = st.text("ab\0\ud800\udfff\u2028 ", max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=True) | st.integers() | st.text(st.characters()) | HARD,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | HARD, inner, max_size=3),
    max_leaves=8,
)


def any_json(ground: Ground) -> Unbroken:
    """Any JSON value in any fields of an item that has a good neighbour."""
    each = st.sampled_from(ENDPOINTS).flatmap(
        lambda path: st.tuples(st.just(path), st.dictionaries(st.sampled_from(hostile.FIELDS[path]), JSON, max_size=4))
    )
    with _probing(ground) as (probe, found):

        def send(drawn: tuple[str, dict[str, Any]]) -> None:
            path, fields = drawn
            good = hostile.GOOD[path] % b""
            body = b"[" + json.dumps(json.loads(good) | fields).encode() + b"," + good + b"]"
            said = _statuses(probe.ask("POST", path, body, f"{path} {fields}").body)
            if said[1:] != ["created"]:
                found.harmed.append(f"{path} {fields}: {said}")

        _each(ground, FIELDS, each, lambda: probe.seen.requests, send)
    return found


def texts(ground: Ground) -> Unbroken:
    """Any text as prompt and output: what is stored is what was sent, and what cannot be held is replaced visibly."""
    any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=400) | st.text(
        "ab\0\ud800\udfff\u2028 ", max_size=12
    )
    with psycopg.connect(ground.stack.urls.jobs) as jobs:
        project, key = new_project(jobs)
        jobs.commit()
        with Probe(ground.stack, key, LONGEST_S, HEAVIEST_MIB) as probe:
            found, sent = Unbroken(probe.seen), dict[str, str]()

            def send(text: str) -> None:
                own = f"text-{len(sent)}"
                sent[own] = json.loads(json.dumps(text))  # two halves beside each other are one sign in JSON
                is_ascii = len(sent) % 2 == 0 or any("\ud800" <= sign <= "\udfff" for sign in text)
                item = {"id": own, "feature": "a", "prompt": text, "output": text}
                probe.ask("POST", "interactions", json.dumps([item], ensure_ascii=is_ascii).encode(), ascii(text))

            _each(ground, TEXTS, any_text, lambda: len(sent), send)
        stored = {own: (prompt, output, flags) for own, prompt, output, flags in jobs.execute(STORED, [project])}
    for own, text in sent.items():
        kept = "".join("\ufffd" if sign == "\0" or "\ud800" <= sign <= "\udfff" else sign for sign in text)
        if stored.get(own) != (kept, kept, TEXT_REPAIRED * (kept != text)):
            found.altered.append(f"{text!a} became {stored.get(own)!a}")
    return found


def description(ground: Ground) -> Unbroken:
    """Requests made of what our own description allows and forbids; each answer is held against it."""
    schema = schemathesis.openapi.from_url(f"http://127.0.0.1:{ground.stack.port}/api/schema")
    operations: list[Any] = [found.ok() for found in schema.get_all_operations()]  # type: ignore[union-attr]  # a bad schema raises
    each = -(-ground.of(DESCRIBED) // (2 * len(operations)))
    key = ground.stack.new_key("ingest,read,admin")
    with Probe(ground.stack, key, LONGEST_S, HEAVIEST_MIB) as probe:
        found = Unbroken(probe.seen)

        def call(case: Any) -> None:
            _call(probe, key, found, case)

        for operation in operations:
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                _described(operation, mode, each, call, ground.seed)
    return found


def _described(operation: Any, mode: GenerationMode, examples: int, call: Callable[[Any], None], seed: int) -> None:
    quiet = settings(
        max_examples=examples, phases=[Phase.generate], deadline=None, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    seeded(seed)(quiet(given(operation.as_strategy(generation_mode=mode))(call)))()


def _call(probe: Probe, key: str, found: Unbroken, case: Any) -> None:
    def send() -> tuple[int, bytes]:
        answers.append(case.call(headers={"Authorization": f"Bearer {key}"}, timeout=20))
        return answers[-1].status_code, answers[-1].content

    if case.headers:
        case.headers.pop("Content-Encoding", None)  # what is not as compressed as it says is in the corpus
    answers: list[Any] = []
    probe.watch(send, f"{case.method} {case.formatted_path}")
    try:
        case.validate_response(answers[-1], checks=CHECKS)
    except Exception as error:
        found.seen.errors.append(f"{type(error).__name__}: {str(error)[:800]}")


CAMPAIGN = Campaign(
    "R3",
    {
        "corpus": corpus,
        "bodies": bodies,
        "bytes": any_bytes,
        "fields": any_json,
        "texts": texts,
        "description": description,
    },
    {
        "json_unguarded": Planted(any_json, lambda found: len(found.seen.errors), share=0.02),
        "trimmed_text": Planted(texts, lambda found: len(found.altered), share=0.02),
    },
    beside=("gives_back",),
)
