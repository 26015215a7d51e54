"""One run: clients post while parts die; then the ledger is compared with the rows."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import psycopg

from tests.faults.clients import posting
from tests.faults.ledger import Account, Ledger
from tests.faults.stack import DATABASE, WEB, WORKERS, Stack
from tests.faults.verify import Outcome, check

PROGRESS_SECONDS = 60
EVERYTHING = (DATABASE, WEB, *WORKERS)


@dataclass(frozen=True)
class Report:
    """What came of a run; a recovery is what was killed and the seconds until it ran again and until the next promise."""

    outcome: Outcome
    recoveries: tuple[tuple[str, float, float], ...]
    deaths: tuple[str, ...]
    account: Account

    @property
    def is_kept(self) -> bool:
        """Whether every promise was kept."""
        return self.outcome.is_kept

    def __str__(self) -> str:
        own = f", {len(self.deaths)} parts ended by themselves" if self.deaths else ""
        slowest = max((promised for _, _, promised in self.recoveries), default=0.0)
        return f"{len(self.recoveries)} kills, back within {slowest:.1f} s{own}: {self.outcome}"


def run(
    stack: Stack,
    key: str,
    plan: Sequence[str],
    *,
    promises_between: int = 150,
    clients: int = 4,
    batch: int = 25,
    pause_s: float = 0.02,
    parts: Sequence[str] = EVERYTHING,
    chance: random.Random | None = None,
    after_kill: Callable[[int], None] = lambda kills: None,
) -> Report:
    """Kill what the plan names, in order, each time after so many new promises and a short random while.

    The stack runs before and after. Raises RuntimeError when promises stop coming: a product that stays down.
    """
    chance, first_death = chance or random.Random(1), len(stack.deaths)
    recoveries: list[tuple[str, float, float]] = []
    ledger = Ledger(stack.folder / f"ledger-{time.monotonic_ns()}")
    prefix = f"r{time.monotonic_ns():x}-"
    with posting(stack.port, key, ledger, clients=clients, batch=batch, prefix=prefix, pause_s=pause_s):
        for kills, what in enumerate(plan):
            wait_for_promises(ledger, ledger.promises + promises_between)
            time.sleep(chance.random() * 0.2)
            began = time.monotonic()
            stack.kill(what)
            before = ledger.promises
            stack.start(parts)
            started = time.monotonic() - began
            wait_for_promises(ledger, before + 1)
            recoveries.append((what, started, time.monotonic() - began))
            after_kill(kills + 1)
        wait_for_promises(ledger, ledger.promises + promises_between)
    ledger.close()
    stack.start([DATABASE])
    account = ledger.read()
    with psycopg.connect(stack.urls.jobs) as connection:
        outcome = check(account, connection, stack.project_of(key), prefix)
    return Report(outcome, tuple(recoveries), tuple(stack.deaths[first_death:]), account)


def wait_for_promises(ledger: Ledger, wanted: int) -> None:
    """Wait until the ledger holds so many promises. Raises RuntimeError when they stop coming."""
    deadline = time.monotonic() + PROGRESS_SECONDS
    while ledger.promises < wanted:
        if time.monotonic() > deadline:
            said = ledger.read().refused[-3:]
            raise RuntimeError(f"{ledger.promises} promises and no more within {PROGRESS_SECONDS} s; refusals: {said}")
        time.sleep(0.01)
