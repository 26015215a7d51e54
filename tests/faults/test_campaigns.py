"""R2, R3, R5 and S5 in short: a part of each campaign, and a planted bug. The long forms are `make faults`.

R5's first bug is planted in short into `tests.observatory.metrics.test_verify`, where rollers race in one process.
"""

from collections.abc import Iterator

import pytest

from tests.faults import costly, resent, rolled, unbroken
from tests.faults.campaign import Ground, tried
from tests.faults.stack import Stack

CAMPAIGNS = {
    campaign.promise: campaign for campaign in (resent.CAMPAIGN, unbroken.CAMPAIGN, rolled.CAMPAIGN, costly.CAMPAIGN)
}
# Which share of each part; those that hold quantiles against a bar need a machine of their own.
SHORT = [
    ("R2", "sequences", 0.004), ("R2", "race", 0.1), ("R3", "corpus", 0.02), ("R3", "bodies", 0.02), ("R3", "bytes", 0.005),
    ("R3", "fields", 0.004), ("R3", "texts", 0.005), ("R3", "description", 0.002), ("S5", "bombs", 1), ("S5", "refused", 0.1),
    ("S5", "taken", 0.5), ("R5", "charts", 0.03),
]  # fmt: skip
PLANTED = [("R2", "keyed_by_receipt"), ("R3", "trimmed_text"), ("S5", "inflated_at_once")]


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    made = Stack()
    made.prepare()
    yield made
    made.close()


@pytest.fixture(scope="module")
def ground(stack: Stack) -> Ground:
    """The product's own web, with a clock that is told and a broom."""
    made = Ground(stack)
    made.serve(*{name: name for campaign in CAMPAIGNS.values() for name in campaign.beside})
    return made


@pytest.mark.fault
@pytest.mark.parametrize(("promise", "part", "share"), SHORT, ids=str)
def test_a_part_of_the_campaign_is_kept(ground, promise, part, share):
    found = CAMPAIGNS[promise].parts[part](Ground(ground.stack, share))
    assert found.is_kept, str(found)


@pytest.mark.fault
@pytest.mark.parametrize(("promise", "bug"), PLANTED)
def test_a_planted_bug_is_noticed(stack, promise, bug):
    found = tried(CAMPAIGNS[promise], bug, Ground(stack))
    assert CAMPAIGNS[promise].planted[bug].noticed(found) > 0, str(found)
    assert not found.is_kept


def test_corpus_has_at_least_150_hostile_bodies():
    from tests.ingest import hostile

    values, bodies = list(hostile.values()), [*hostile.BODIES, *hostile.CROWDS, *hostile.LINES]
    assert len(values) + len(bodies) >= 150
    assert len(set(values)) == len(values)


def test_names_of_parts_and_planted_bugs_are_each_one_thing():
    from tests.faults.__main__ import CAMPAIGNS as EVERY

    names = [name for campaign in EVERY for name in (campaign.promise, *campaign.parts)]
    assert len(set(names)) == len(names)
    assert all(campaign.planted for campaign in EVERY)
    assert not {name for campaign in EVERY for name in campaign.planted} & set(names)
