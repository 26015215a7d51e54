"""The three job processes: `python -m observatory.jobs measure`, `… tell` and `… beat`.

The same as `celery -A observatory worker -P solo -n NAME -Q …` and `celery -A observatory beat`, without Celery's
command line, whose imports cost each process 9 MB and half a second; beat also goes without Django's apps.
"""

import sys
import warnings
from collections.abc import Callable

from celery.exceptions import CPendingDeprecationWarning, SecurityWarning

from observatory.env import BadSetting


def beat() -> int:
    """Send the timetable's hints until told to end."""
    from observatory.timetable import app

    app.Beat(quiet=True, loglevel="INFO").run()
    return 0


def worker(node: str) -> int:
    """Work off a node's queues, one slice at a time, until told to end; gives the exit code."""
    from observatory.celery import app
    from observatory.queues import NODES

    # Messages are JSON from our own database, and the built-in database allows a start as root.
    warnings.simplefilter("ignore", SecurityWarning)
    process = app.Worker(
        hostname=f"celery@{node}",
        pool_cls="solo",
        concurrency=1,
        queues=list(NODES[node]),
        loglevel="INFO",
        quiet=True,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
    )
    # It says that a task may run again after a lost connection: every slice may. Celery's set-up had it shown always.
    warnings.simplefilter("ignore", CPendingDeprecationWarning)
    process.start()
    return int(process.exitcode or 0)


PROCESSES: dict[str, Callable[[], int]] = {
    "measure": lambda: worker("measure"),
    "tell": lambda: worker("tell"),
    "beat": beat,
}


def main(words: list[str]) -> int:
    """Run the process that the one word names."""
    if len(words) != 1 or words[0] not in PROCESSES:
        sys.stderr.write(f"usage: python -m observatory.jobs {'|'.join(PROCESSES)}\n")
        return 2
    return PROCESSES[words[0]]()


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except BadSetting as error:
        sys.exit(str(error))
