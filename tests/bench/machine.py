"""What processes weigh and how much processor time they have used, from /proc."""

import os
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Weight:
    """Megabytes of one process; in PSS what it shares with others is divided among them, in RSS it counts in full."""

    pss_mb: float
    rss_mb: float


def name_of(pid: int) -> str:
    """What a process of the product is, in one word. Raises FileNotFoundError or ProcessLookupError when it has ended."""
    words = (Path("/proc") / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    if words.startswith("postgres:") or "/bin/postgres" in words.split(" ")[0]:
        role = next((role for role in ("app", "jobs") if f" observatory_{role} " in words), "")
        return {"app": "PostgreSQL for the web", "jobs": "PostgreSQL for the workers", "": "PostgreSQL itself"}[role]
    for mark, name in (
        ("observatory.jobs measure", "worker measure"),
        ("observatory.jobs tell", "worker tell"),
        ("observatory.jobs beat", "beat"),
        ("observatory.embedded.web", "web"),
        ("observatory.embedded.up", "supervisor"),
    ):
        if mark in words:
            return name
    return words.split(" ")[0] or "?"


def memory(pids: Iterable[int]) -> dict[str, float]:
    """Megabytes by name: the sum of PSS, in which shared pages are counted once over all who share them."""
    found: dict[str, float] = defaultdict(float)
    for pid in pids:
        try:
            found[name_of(pid)] += weight(pid).pss_mb
        except (FileNotFoundError, ProcessLookupError):
            continue
    return dict(found)


def weight(pid: int) -> Weight:
    """What one process weighs now. Raises FileNotFoundError or ProcessLookupError when there is none."""
    lines = (Path("/proc") / str(pid) / "smaps_rollup").read_text().splitlines()[1:]
    sizes = {name: int(rest.split()[0]) / 1024 for name, rest in (line.split(":") for line in lines)}
    return Weight(sizes["Pss"], sizes["Rss"])


def named(pids: Iterable[int], name: str) -> list[int]:
    """Those that live and whose name begins so."""
    found = []
    for pid in pids:
        with suppress(FileNotFoundError, ProcessLookupError):
            found += [pid] * name_of(pid).startswith(name)
    return found


def heaviest(pids: Iterable[int], name: str) -> int:
    """The process of this name that weighs most."""
    return max(named(pids, name), key=lambda pid: weight(pid).pss_mb)


def processor_seconds(pids: Iterable[int]) -> dict[str, float]:
    """Processor seconds used so far, by name, children that have ended included."""
    found: dict[str, float] = defaultdict(float)
    for pid in pids:
        try:
            fields = (Path("/proc") / str(pid) / "stat").read_text().rsplit(")", 1)[1].split()
            found[name_of(pid)] += sum(map(int, fields[11:15])) / TICKS
        except (FileNotFoundError, ProcessLookupError):
            continue
    return dict(found)
