"""A migrated, empty database that a run of the tests makes once, for installations that are not about their first start.

Whoever begins the run names the folder in the environment, where the processes that share the files find it.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

from observatory.embedded import place
from observatory.embedded.server import start
from tests.harness import memory

ROOT = Path(__file__).resolve().parents[2]
FOLDER = "TESTS_PREPARED_DATABASE"


def begin() -> None:
    """Let this process and those it starts share one prepared database; it is made when the first asks for it."""
    os.environ[FOLDER] = str(memory.enterable("observatory-prepared-"))


def end() -> None:
    """Remove it."""
    if folder := os.environ.pop(FOLDER, ""):
        shutil.rmtree((Path(folder) / "var/database").resolve(), ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


def copy_into(data_dir: Path) -> bool:
    """Begin a data directory with a copy of the database and its passwords; False outside a run, where there is none."""
    if FOLDER not in os.environ:
        return False
    source, target = _made(Path(os.environ[FOLDER])), place.settle(data_dir)
    subprocess.run(["cp", "-a", source.cluster, source.passwords, target.home], check=True)
    return True


def _made(folder: Path) -> place.Place:
    """Make it, or wait for whoever does."""
    data_dir, whole = folder / "var", folder / "whole"
    with (folder / "lock").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not whole.exists():
            _make(data_dir)
            whole.touch()
    found = place.existing(data_dir)
    assert found is not None
    return found


def _make(data_dir: Path) -> None:
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("DATABASE_", "OBSERVATORY_"))}
    server = start(data_dir)
    try:
        subprocess.run(
            [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
            cwd=ROOT,
            env={**kept, "OBSERVATORY_DATA_DIR": str(data_dir)},
            check=True,
        )
    finally:
        server.stop()
