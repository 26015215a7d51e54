"""`make faults`: the long forms of R1 to R5 and S5, and every planted bug of each.

    python -m tests.faults [--only NAME ...] [--share 1.0] [--seed 1]

NAME is a promise, a part of one, or a planted bug; `--list` tells them. Exit code 1 when a promise was broken, or when
a planted bug was not noticed.
"""

import argparse
import sys
import time
from collections.abc import Sequence

from tests.faults import costly, killed, overloaded, resent, rolled, unbroken
from tests.faults.campaign import Ground, wage
from tests.faults.stack import Stack

CAMPAIGNS = (killed.CAMPAIGN, resent.CAMPAIGN, unbroken.CAMPAIGN, overloaded.CAMPAIGN, rolled.CAMPAIGN, costly.CAMPAIGN)


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)


def main(words: Sequence[str] | None = None) -> int:
    """Run what is wanted; the exit code says whether all of it was as it should be."""
    names = [name for campaign in CAMPAIGNS for name in campaign.names]
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--only", action="append", choices=names, metavar="NAME", default=[])
    parser.add_argument("--share", type=float, default=1.0, help="of the full form")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--list", action="store_true")
    asked = parser.parse_args(words)
    if asked.list:
        say("\n".join(", ".join(campaign.names) for campaign in CAMPAIGNS))
        return 0
    began = time.monotonic()
    bad: list[str] = []
    for campaign in CAMPAIGNS:
        only = set(asked.only) & set(campaign.names)
        if asked.only and not only:
            continue
        stack = Stack()
        try:
            stack.prepare()
            bad += wage(campaign, Ground(stack, asked.share, asked.seed, say), only)
        finally:
            stack.close()
    say(f"{'FAILED: ' + ', '.join(bad) if bad else 'kept'} after {time.monotonic() - began:.0f} s")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
