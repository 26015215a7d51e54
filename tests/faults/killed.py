"""The long form of R1: everything is killed under load, and every row is compared with what was promised."""

import random
from collections.abc import Callable

from tests.faults.campaign import Campaign, Found, Ground, Part, Planted
from tests.faults.run import EVERYTHING, Report, run
from tests.faults.stack import ALL, BACKEND, DATABASE, WEB, WORKERS
from tests.faults.verify import Outcome

KILLS, ACKNOWLEDGED, BATCH = 120, 200_000, 100
# How often each part is killed, out of twelve kills.
SHARES = {WEB: 4, DATABASE: 3, BACKEND: 1, WORKERS[0]: 2, WORKERS[1]: 1, ALL: 1}


def plan(kills: int, chance: random.Random) -> list[str]:
    """An order of kills in which every part has its share."""
    deck = [what for what, share in SHARES.items() for _ in range(share)]
    order: list[str] = []
    while len(order) < kills:
        order += chance.sample(deck, len(deck))
    return order[:kills]


def kills(ground: Ground) -> Report:
    """The long run on the whole product, and its rollups compared with the rows afterwards."""
    stack, count = ground.stack, ground.of(KILLS)
    stack.start(EVERYTHING)
    report = run(
        stack, stack.new_key(), plan(count, ground.chance), promises_between=-(-ground.of(ACKNOWLEDGED) // (count + 1)),
        batch=BATCH, pause_s=0, chance=ground.chance,
        after_kill=lambda number: ground.say(f"  {number}/{count}") if number % 10 == 0 else None,
    )  # fmt: skip
    stack.start(EVERYTHING)
    stack.command("catch_up")
    ground.say(stack.command("verify_rollups").stdout.strip())
    return report


def serving(*killed: str) -> Part:
    """A short run of the web and its database alone, in which these are killed."""

    def attempt(ground: Ground) -> Found:
        parts = (DATABASE, WEB)
        return run(ground.stack, ground.stack.new_key(), killed, promises_between=3_000, pause_s=0, parts=parts)

    return attempt


def _sees(what: Callable[[Outcome], int]) -> Callable[[Report], int]:
    return lambda report: what(report.outcome)


CAMPAIGN = Campaign(
    "R1",
    {"kills": kills},
    {
        "answer_before_commit": Planted(serving(WEB, WEB), _sees(lambda found: found.lost)),
        "synchronous_commit_off": Planted(serving(*(DATABASE,) * 6), _sees(lambda found: found.lost)),
        "savepoint_only": Planted(serving(), _sees(lambda found: found.lost)),
        "keys_forgotten": Planted(serving(), _sees(lambda found: found.doubled)),
        "trimmed_text": Planted(serving(), _sees(lambda found: found.altered)),
    },
)
