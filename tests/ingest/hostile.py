"""Hostile values, items and bodies: what real senders and worse ones send."""

import json
from collections.abc import Iterator

TEXTS = [
    rb"\u0000", rb"\ud800", rb"\udfff", rb"\ude00\ud83d", "\ufffe\uffff".encode(), "\u202ertl\u200b".encode(),
    ("a" + "\u0301" * 50_000).encode(), rb"\r\n", rb"\r", b"  outer  ", rb"\b\f\\\/", "٣".encode(), rb"=1+1", rb"<script>", b"",
    b"x" * 10_000, rb"../..", rb"%2F", rb"\u0001\u001f\u007f", rb"\u00", rb"\x", b"\xef\xbb\xbf", "\u0600\u202d\u2066".encode(), b"${jndi:ldap://x}",
    rb"'; DROP TABLE interaction; --", "Ａ＝１".encode(),
]  # fmt: skip
NUMBERS = [
    b"NaN", b"Infinity", b"-Infinity", b"-0", b"-0.0", b"1e308", b"1e309", b"1e400", b"1e-400", b"1e131071", b"1E+99999999999999999999",
    b"2147483647", b"2147483648", b"9007199254740993", b"9223372036854775808", b"18446744073709551616", b"9" * 5000, b"01", b"+1", b".5",
    b"1.", b"0x1F", b"-", b"1e",
]  # fmt: skip
OTHERS = [
    b"true",
    b"null",
    b"[]",
    b"{}",
    b'"1"',
    b'"NaN"',
    b"[null]",
    b'{"":""}',
    rb'{"\ud800":{"\u0000\udfff":"\ud800"}}',
    rb'[{"\ud800":"\ud800"}]',
    rb'{"documents":[{"\ud800":1,"score":"\udfff"}]}',
    b'{"__proto__":{"a":1}}',
    b"tru",
    b"'x'",
    b"undefined",
]
TIMES = [
    b'"0001-01-01T00:00:00Z"', b'"9999-12-31T23:59:59.999999Z"', b'"2026-01-01T24:00:00Z"', b'"2026-01-01T23:59:60Z"',
    b'"2026-01-01T00:00:00+14:00"', b'"2026-01-01T00:00:00-14:00"', b'"2026-01-01T00:00:00+99:99"', b'"2026-02-30T00:00:00Z"',
    b'"2026-01-01"', b'"now"', b"1700000000", b"1700000000000", b"1700000000000000000", b'"10000-01-01T00:00:00Z"',
]  # fmt: skip
IDS = [b'"%b"' % own for own in (b"i" * 200, b"i" * 201, b"a/b", b"..", b"%2F%00", "١٢".encode(), b"id with blanks ")]
NESTED = [b"[" * depth + b"]" * depth for depth in (31, 33, 1_100, 100_000)]
NESTED += [b'{"a":' * depth + b"1" + b"}" * depth for depth in (31, 33, 1_100, 50_000)]
WIDE = [json.dumps({f"k{number}": 1 for number in range(50_000)}).encode(), json.dumps({"k" * 1_000_000: 1}).encode()]
RAW_BYTES = [b"\xff\xfe", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\x00", b"\x01", b"\n"]

GOOD = {
    "interactions": b'{"feature":"good"%s}',
    "feedback": b'{"kind":"nps","score":5%s}',
    "costs": b'{"component":"other","amount_usd":1%s}',
    "changes": b'{"kind":"other","title":"good"%s}',
    "users": b'{"user_id":"good","event":"seen"%s}',
    "figures": b'{"month":"2026-01","name":"active_users","value":1%s}',
    "batch": b'{"type":"figure","month":"2026-01","name":"active_users","value":1%s}',
}
TYPES = {
    "interactions": b"interaction",
    "feedback": b"feedback",
    "costs": b"cost",
    "changes": b"change",
    "users": b"user",
    "figures": b"figure",
}
FIELDS = {
    "interactions": ["feature", "id", "prompt", "output", "latency_ms", "input_tokens", "cost_usd", "occurred_at", "metadata", "retrieval",
                     "status", "user_id", "model", "unknown"],
    "feedback": ["kind", "score", "id", "interaction_id", "occurred_at", "metadata", "comment", "unknown"],
    "costs": ["component", "amount_usd", "period_from", "interaction_id", "occurred_at", "metadata", "feature"],
    "changes": ["kind", "title", "occurred_at", "url", "metadata", "feature"],
    "users": ["user_id", "event", "is_control", "occurred_at", "feature", "tier", "id", "unknown"],
    "figures": ["month", "name", "value", "tier", "id", "metadata", "occurred_at"],
    "batch": ["type", "id", "month", "metadata", "value", "unknown"],
}  # fmt: skip


def values() -> Iterator[bytes]:
    """Every hostile value, as it stands in JSON or fails to."""
    yield from (b'"' + text + b'"' for text in (*TEXTS, *RAW_BYTES))
    yield from (*NUMBERS, *OTHERS, *TIMES, *IDS, *NESTED, *WIDE)


def items(endpoint: str, *, every_field: bool = False) -> Iterator[bytes]:
    """Items of an endpoint, each with one hostile value; every value meets some field or all, every field many values."""
    fields = FIELDS[endpoint]
    for number, value in enumerate(values()):
        for field in fields if every_field else [fields[number % len(fields)]]:
            yield GOOD[endpoint] % (b',"%b":%b' % (field.encode(), value))
    if endpoint == "batch":
        yield from (
            b'{"type":"%b",' % word + item[1:] for kind, word in TYPES.items() for item in list(items(kind))[::6]
        )


LINES = [
    b'{"feature":"a"}\n{"feature":"b"}\n',
    b'{"feature":"a"}\r\n\r\n \t\n[]\nnull\n{',
    b'{"feature":"a"\n{"feature":"b"}',
]
CROWDS = [
    b'{"feature":"a","metadata":{' + b",".join(b'"%d":1' % number for number in range(200_000)) + b"}}",
    b'{"feature":"a","prompt":[' + b"{}," * 1_000_000 + b"{}]}", b'{"feature":"a","x":[' + b"1," * 2_000_000 + b"1]}",
    b'{"feature":"a","metadata":{' + b",".join(b'"%d":1' % number for number in range(450_000)) + b"}}",
    b'[{"feature":"a","metadata":' + b'{"a":[' * 1_000 + b",," * 400_000, b'{"x":"' + b'\\",' * 1_000_000 + b'"}', b'"' * 2_000_001 + b"," * 300_000,
]  # fmt: skip
BODIES = [
    b"", b" ", b"null", b"true", b"0", b'"x"', b"[]", b"[[]]", b"[[[]]]", b"{}", b"{}{}", b"{} {}", b"[{}] [{}]", b"[{},]", b"[,]", b"[{}",
    b"{", b"}", b"]", b"[" * 100_000, b'{"a":' * 100_000, b"\xef\xbb\xbf", b"\xef\xbb\xbf[]", b"\xff\xfe[\x00]\x00", '{"feature":"a"}'.encode("utf-16"),
    '{"feature":"a"}'.encode("utf-32"), b"\x1f\x8b\x08\x00", b"\n\n\n", b"--x\r\n\r\n--x--", b"a=b",
    b"\x00" * 1000, b"[" + b"1," * 300_000 + b"1]", b"[" + b"{}," * 300_000 + b"{}]", b"[" + b'"",' * 300_000 + b'""]',
    b'{"a":1,"a":2,"feature":"a","feature":"b"}', b"[" + b"[]," * 999 + b"[]]", b'[{"feature":"a"}]]', b'{"feature":"a"}}', b"//", b"/**/{}",
]  # fmt: skip
