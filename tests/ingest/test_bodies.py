"""Bodies however they travel: compressed, in chunks, one object a line, cut off, or as bombs."""

import gzip
import json
import socket
import zlib
from urllib.parse import urlsplit

import pytest

from ingest.api.inflating import STEP, inflated
from ingest.contract import LARGEST_BODY, LARGEST_INFLATED
from ingest.refusals import Malformed
from tests.ingest.record import rows, statuses

ITEM = b'{"feature":"a"}'


def squeezed(data: bytes) -> bytes:
    """The same bytes in every process: names of tests are made of them."""
    return gzip.compress(data, mtime=0)


def raw_deflate(data):
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    return squeeze.compress(data) + squeeze.flush()


def bomb(size, unit=b"\0" * 1_000_000):
    squeeze = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(squeeze.compress(unit) for _ in range(size // len(unit))) + squeeze.flush()


CODINGS = [
    ("gzip", gzip.compress),
    ("x-gzip", gzip.compress),
    ("GZIP", gzip.compress),
    ("deflate", zlib.compress),
    ("deflate", raw_deflate),
]


@pytest.mark.parametrize(("coding", "squeeze"), CODINGS)
@pytest.mark.parametrize("step", [1, 3, 1_000, 10**7])
def test_what_was_squeezed_comes_out_whatever_pieces_it_comes_in(coding, squeeze, step):
    data = json.dumps({"feature": "a", "prompt": "é😀 " * 2_000 + "x" * 50_000}).encode()
    sent = squeeze(data)
    pieces = iter([sent[at : at + step] for at in range(0, len(sent), step)])
    assert b"".join(inflated(pieces, coding.lower().removeprefix("x-"))) == data


def test_what_a_whole_step_has_held_back_comes_out_too():
    data = b"a" * (STEP + 248)
    assert b"".join(inflated(iter([raw_deflate(data)]), "deflate")) == data


def test_gzip_of_several_members_is_read_to_its_end():
    sent = gzip.compress(b'{"feature":') + gzip.compress(b'"a"}')
    assert b"".join(inflated(iter([sent]), "gzip")) == ITEM


@pytest.mark.parametrize(
    ("sent", "coding", "said"),
    [
        (ITEM, "gzip", "not valid gzip"),
        (b"x" * 100, "deflate", "not valid deflate"),
        (squeezed(ITEM)[:-1], "gzip", "cut off"),
        (squeezed(ITEM)[:12], "gzip", "cut off"),
        (b"\x1f\x8b\x08\x00", "gzip", "cut off"),
        (zlib.compress(ITEM)[:-1], "deflate", "cut off"),
        (raw_deflate(ITEM)[:-1], "deflate", "cut off"),
        (squeezed(ITEM)[:-8] + bytes(8), "gzip", "not valid gzip"),
        (zlib.compress(ITEM) + b"more", "deflate", "goes on"),
        (squeezed(b"") * 101, "gzip", "goes on"),
    ],
)
def test_what_cannot_be_undone_says_why(sent, coding, said):
    with pytest.raises(Malformed, match=said):
        b"".join(inflated(iter([sent]), coding))


@pytest.mark.parametrize(("coding", "squeeze"), CODINGS)
def test_a_compressed_body_is_stored(post, project, coding, squeeze):
    assert post("interactions", content=squeeze(ITEM), headers={"Content-Encoding": coding}).status_code == 200
    assert len(rows(project, "interaction")) == 1


@pytest.mark.parametrize(
    ("sent", "coding", "status", "said"),
    [
        (squeezed(squeezed(ITEM)), "gzip", 400, "compress it once"),
        (squeezed(ITEM), "identity", 400, "Content-Encoding: gzip"),
        (squeezed(b""), "gzip", 400, "empty"),
        (b"", "gzip", 400, "empty"),
        (squeezed(ITEM)[:-2], "gzip", 400, "cut off"),
        (b"nonsense", "deflate", 400, "not valid deflate"),
        (ITEM, "br", 415, "gzip or deflate"),
        (ITEM, "zstd", 415, "gzip or deflate"),
        (squeezed(squeezed(ITEM)), "gzip, gzip", 415, "once"),
    ],
)
def test_a_body_that_cannot_be_undone_is_refused_in_words(post, project, sent, coding, status, said):
    answer = post("interactions", content=sent, headers={"Content-Encoding": coding})
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert said in answer.json()["detail"]
    assert answer.headers.get("accept-encoding") == ("gzip, deflate" if status == 415 else None)
    assert rows(project, "record_key") == []


def test_twenty_mebibytes_may_come_out_and_not_a_byte_more(post):
    head, tail = b'{"feature":"a","metadata":{},"prompt":"', b'"}'
    most = head + b"x" * (LARGEST_INFLATED - len(head) - len(tail)) + tail
    gzipped = {"headers": {"Content-Encoding": "gzip"}}
    assert post("interactions", content=gzip.compress(most, 1), **gzipped).status_code == 200
    assert post("interactions", content=gzip.compress(most + b" ", 1), **gzipped).status_code == 413
    assert post("interactions", content=bytes(LARGEST_BODY + 1), **gzipped).status_code == 413


def test_five_mebibytes_may_travel_and_not_a_byte_more(post, project):
    head, tail = b'{"feature":"a","metadata":{},"prompt":"', b'"}'
    most = head + b"x" * (LARGEST_BODY - len(head) - len(tail)) + tail
    assert post("interactions", content=most).status_code == 200
    assert post("interactions", content=most + b" ").status_code == 413
    assert post("interactions", content=iter([most])).status_code == 200
    assert post("interactions", content=iter([most, b" "])).status_code == 413


LINES = b'{"feature":"a","id":"1"}\n\n  \r\n{"feature":5}\r\n{"feature":"b","id":"3"\n[]\n{"feature":"c","id":"5"}'


@pytest.mark.parametrize(
    "name", ["application/x-ndjson", "application/x-ndjson; charset=utf-8", "application/jsonl", "application/json"]
)
def test_lines_are_items_and_a_bad_one_costs_itself(post, project, name):
    answer = post("interactions", content=LINES, headers={"Content-Type": name})
    assert answer.status_code == 207
    assert statuses(answer) == ["created", "invalid", "invalid", "invalid", "created"]
    assert sorted(row["id"] for row in rows(project, "interaction", "id")) == ["1", "5"]


def test_compressed_lines_are_read_too(post):
    sent = gzip.compress(b"\n".join(b'{"feature":"a","id":"%d"}' % number for number in range(1_000)))
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/x-ndjson"}
    assert post("interactions", content=sent, headers=headers).json()["created"] == 1_000


@pytest.mark.parametrize("body", [b"\n \n\n", b"nonsense", b"null\n{}", b"[{}]", b"\n".join([ITEM] * 1_001)])
def test_lines_of_nothing_usable_are_refused(post, body):
    headers = {"Content-Type": "application/x-ndjson"}
    assert post("interactions", content=body, headers=headers).status_code in {400, 413}


def test_an_object_over_several_lines_is_one_object(post):
    body = json.dumps({"feature": "a", "metadata": {"x": [{}, {}]}}, indent=2).encode()
    assert post("interactions", content=body).json()["created"] == 1
    assert post("interactions", content=body[:-3]).status_code == 400


class Wire:
    """A connection on which bytes are sent as they are."""

    def __init__(self, web, key, *headers):
        address = urlsplit(web)
        self.socket = socket.create_connection((address.hostname, address.port), 10)
        head = ["POST /api/v1/interactions HTTP/1.1", f"Host: {address.netloc}", f"Authorization: Bearer {key}"]
        self.socket.sendall("\r\n".join([*head, "Content-Type: application/json", *headers, "", ""]).encode())

    def chunk(self, data):
        self.socket.sendall(b"%x\r\n%b\r\n" % (len(data), data))

    def status(self):
        return int(self.socket.recv(65_536).split(b" ")[1])


@pytest.mark.parametrize("squeeze", [bytes, gzip.compress, zlib.compress])
def test_chunks_on_the_wire_are_one_body(web, key, project, squeeze):
    coding = {bytes: "identity", gzip.compress: "gzip", zlib.compress: "deflate"}[squeeze]
    wire = Wire(web, key, "Transfer-Encoding: chunked", f"Content-Encoding: {coding}")
    sent = squeeze(b'{"feature":"a","prompt":"\xc3\xa9 two"}')
    for at in range(0, len(sent), 7):
        wire.chunk(sent[at : at + 7])
    wire.chunk(b"")
    assert wire.status() == 200
    assert rows(project, "payload", "prompt") == [{"prompt": "é two"}]


def test_chunks_that_break_off_store_nothing(web, key, project, post):
    wire = Wire(web, key, "Transfer-Encoding: chunked")
    wire.chunk(ITEM[:5])
    wire.socket.close()
    assert post("interactions", {"feature": "b"}).status_code == 200
    assert len(rows(project, "interaction")) == 1


def test_of_large_bodies_one_is_open_at_a_time(monkeypatch):
    from ingest.api import body
    from ingest.database import Unavailable

    monkeypatch.setattr(body, "TURN_WITHIN_S", 0.05)
    large, small = (body.Body([gzip.compress(bytes(size))], False, "gzip") for size in (LARGEST_BODY + 1, LARGEST_BODY))
    with large.opened() as content:
        assert len(content) == LARGEST_BODY + 1
        with small.opened() as other:
            assert len(other) == LARGEST_BODY
        with pytest.raises(Unavailable), large.opened():
            pytest.fail("two of them are open")
    with large.opened(), pytest.raises(ValueError, match="spoilt"):
        raise ValueError("spoilt")
    with large.opened() as content:
        assert len(content) == LARGEST_BODY + 1


def test_a_large_body_takes_the_connection_with_it_whose_buffer_it_has_made_large():
    from django.db import connection

    from ingest.api.body import Body

    for size, is_ended in ((LARGEST_BODY, False), (LARGEST_BODY + 1, True)):
        connection.ensure_connection()
        used = connection.connection
        with Body([gzip.compress(bytes(size))], False, "gzip").opened():
            assert not used.closed
        assert bool(used.closed) is is_ended


def test_a_bomb_in_chunks_is_refused_before_it_is_all_there(web, key):
    wire = Wire(web, key, "Transfer-Encoding: chunked", "Content-Encoding: gzip")
    wire.chunk(bomb(40_000_000))
    wire.chunk(b"")
    assert wire.status() == 413
