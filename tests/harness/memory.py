"""Temporary files of a run of the tests in memory, where there is room for them.

A cluster that lives for seconds need not reach a disk. Every setting stays the product's: a commit still waits for its
fsync, which takes no time here, and neither does removing a thousand files.
"""

import os
import shutil
import tempfile
from pathlib import Path

SHARED = Path("/dev/shm")
ROOM = 6 * 2**30
"""Bytes that the clusters of a whole run stay far below."""


def begin() -> None:
    """Let this process and those it starts put temporary files into memory, unless somebody has said where."""
    if "TMPDIR" in os.environ or not _has_room():
        return
    _sweep()
    folder = SHARED / f"observatory-tests-{os.getpid()}"
    folder.mkdir()
    folder.chmod(0o711)
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)


def end() -> None:
    """Remove them."""
    if os.environ.get("TMPDIR") == str(SHARED / f"observatory-tests-{os.getpid()}"):
        shutil.rmtree(os.environ.pop("TMPDIR"), ignore_errors=True)
        tempfile.tempdir = None


def enterable(prefix: str) -> Path:
    """A temporary folder that the account of the database may pass through, so that its cluster lies in there too."""
    made = Path(tempfile.mkdtemp(prefix=prefix))
    made.chmod(0o711)
    return made


def _has_room() -> bool:
    if not os.access(SHARED, os.W_OK):
        return False
    told = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    available = int(told["MemAvailable"].split()[0]) * 1024
    return min(shutil.disk_usage(SHARED).free, available) >= ROOM


def _sweep() -> None:
    """Remove what runs left that were killed: nobody else would, and memory is not reclaimed."""
    for left in SHARED.glob("observatory-tests-*"):
        if not Path("/proc", left.name.rpartition("-")[2]).exists():
            shutil.rmtree(left, ignore_errors=True)
