"""`make faults`: the long form of R1, then every planted bug of it; then R4 with its own.

    python -m tests.faults [--kills 120] [--acknowledged 200000] [--seed 1] [--only honest|overloaded|NAME]

Exit code 1 when a promise was broken, or when a planted bug was not noticed.
"""

import argparse
import random
import sys
import time
from collections.abc import Callable, Sequence

from tests.faults import overloaded
from tests.faults.run import EVERYTHING, Report, run
from tests.faults.stack import ALL, BACKEND, DATABASE, WEB, WORKERS, Stack
from tests.faults.verify import Outcome

SERVING = (DATABASE, WEB)
BATCH = 100
# How often each part is killed, out of twelve kills.
SHARES = {WEB: 4, DATABASE: 3, BACKEND: 1, WORKERS[0]: 2, WORKERS[1]: 1, ALL: 1}
# Each planted bug: what is killed under it, and what the verification has to say of it.
PLANTED: dict[str, tuple[tuple[str, ...], Callable[[Outcome], int]]] = {
    "answer_before_commit": ((WEB, WEB), lambda found: found.lost),
    "synchronous_commit_off": ((DATABASE,) * 6, lambda found: found.lost),
    "savepoint_only": ((), lambda found: found.lost),
    "keys_forgotten": ((WEB, DATABASE), lambda found: found.doubled),
    "trimmed_text": ((), lambda found: found.altered),
}


def plan(kills: int, chance: random.Random) -> list[str]:
    """An order of kills in which every part has its share."""
    deck = [what for what, share in SHARES.items() for _ in range(share)]
    order: list[str] = []
    while len(order) < kills:
        order += chance.sample(deck, len(deck))
    return order[:kills]


def honest(kills: int, acknowledged: int, chance: random.Random) -> Report:
    """The long run on the product as it is, and its rollups compared with the rows afterwards."""
    stack = Stack()
    try:
        key = stack.prepare()
        stack.start()
        between = -(-acknowledged // (kills + 1))
        report = run(
            stack, key, plan(kills, chance), promises_between=between, batch=BATCH, pause_s=0, chance=chance,
            after_kill=lambda number: say(f"  {number}/{kills}") if number % 10 == 0 else None,
        )  # fmt: skip
        stack.start(EVERYTHING)
        stack.command("catch_up")
        say(stack.command("verify_rollups").stdout.strip())
        return report
    finally:
        stack.close()


def with_bug(name: str, kills: Sequence[str]) -> Report:
    """A short run with one planted bug."""
    stack = Stack()
    try:
        key = stack.prepare()
        stack.plant(name)
        stack.start(SERVING)
        return run(stack, key, kills, promises_between=3_000, pause_s=0, parts=SERVING)
    finally:
        stack.close()


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)


def main(words: Sequence[str] | None = None) -> int:
    """Run what is wanted; the exit code says whether all of it was as it should be."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=120)
    parser.add_argument("--acknowledged", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=("honest", "overloaded", *PLANTED))
    wanted = parser.parse_args(words)
    bad, began = [], time.monotonic()
    if wanted.only in {None, "honest"}:
        report = honest(wanted.kills, wanted.acknowledged, random.Random(wanted.seed))
        say(f"R1 {report}")
        if not report.outcome.is_kept or report.outcome.promised < wanted.acknowledged:
            bad.append("honest")
    for name, (kills, noticed) in PLANTED.items():
        if wanted.only in {None, name}:
            report = with_bug(name, kills)
            is_noticed = noticed(report.outcome) > 0
            say(f"planted {name}: {'noticed' if is_noticed else 'NOT NOTICED'}: {report}")
            bad += [] if is_noticed else [name]
    if wanted.only in {None, "overloaded"} and not overloaded.campaign(say):
        bad.append("overloaded")
    say(f"{'FAILED: ' + ', '.join(bad) if bad else 'kept'} after {time.monotonic() - began:.0f} s")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
