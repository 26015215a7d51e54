"""Keys, fingerprints, new ids, and what is guessed about tokens."""

import uuid
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import timeline
from ingest.contract import Interaction
from ingest.dimensions import RecordKind
from ingest.identity import content_key, fingerprint, key_of, new_id
from ingest.kinds import INTERACTIONS

KEY = content_key("secret", 1)


def item(**fields):
    return Interaction(feature="a", **fields)


def test_keys_tell_kinds_and_ids_apart():
    keys = [key_of(kind, sent) for kind in RecordKind for sent in ("", "1", "11", "a:1")]
    assert len(set(keys)) == len(keys)
    assert {len(key) for key in keys} == {16}


@given(st.text(st.characters(), max_size=20), st.text(st.characters(), max_size=20))
def test_fingerprints_differ_exactly_when_contents_do(one, other):
    prints = [fingerprint(KEY, item(prompt=text), None) for text in (one, other)]
    assert (prints[0] == prints[1]) == (one == other)


@pytest.mark.parametrize(
    "other", [item(id="1"), item(prompt=""), item(latency_ms=0), item(metadata={}), item(prompt=[])]
)
def test_every_field_takes_part(other):
    assert fingerprint(KEY, item(), None) != fingerprint(KEY, other, None)


def test_the_same_instant_in_another_zone_is_the_same_content():
    bodies = [b'{"feature":"a","occurred_at":"2026-01-01T%b"}' % at for at in (b"12:00:00Z", b"14:00:00+02:00")]
    found = {fingerprint(KEY, INTERACTIONS.strict.decode(body), None) for body in bodies}
    assert len(found) == 1


def test_unknown_fields_huge_integers_and_half_surrogates_have_fingerprints():
    odd = [{"n": 2**70}, {"n": 2**70 + 1}, {"t": "\ud800"}, {"t": "\ud801"}, {"n": 1}, None]
    assert len({fingerprint(KEY, item(), extras) for extras in odd}) == len(odd)


def test_nobody_without_the_secret_can_compute_a_fingerprint_and_projects_have_their_own():
    keys = {content_key(secret, project) for secret in ("secret", "other") for project in (1, 2)}
    assert len({fingerprint(key, item(prompt="yes"), None) for key in keys}) == 4


def test_a_field_that_a_later_version_adds_changes_no_fingerprint():
    class Later(Interaction, kw_only=True):
        added: str | None = None

    sent = b'{"feature":"a","prompt":"p"}'
    assert fingerprint(KEY, msgspec.json.decode(sent, type=Later), None) == fingerprint(KEY, item(prompt="p"), None)


def test_new_ids_are_uuids_of_version_7_in_order_of_time():
    now = timeline.now()
    ids = [new_id(now + timedelta(milliseconds=number)) for number in range(50)]
    assert ids == sorted(set(ids))
    assert {(uuid.UUID(one).version, uuid.UUID(one).variant) for one in ids} == {(7, uuid.RFC_4122)}
