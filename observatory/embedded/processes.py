"""What a supervisor must know of processes: who works in a folder, and how a child dies with its parent."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


def die_with_parent(parent: int, death: signal.Signals) -> None:
    """Ask the kernel to send `death` to this process when the process `parent` is gone.

    A change of user clears the request, so it is made after that. The kernel watches the parent's
    *thread*: whoever starts a child must do so from a thread that lives as long as the child should.
    """
    if sys.platform != "linux":
        return
    _LIBC.prctl(_PR_SET_PDEATHSIG, int(death), 0, 0, 0)
    if os.getppid() != parent:  # the parent died between the fork and the line above
        os._exit(1)


def on_wish_to_stop(handler: Callable[[int, FrameType | None], object]) -> None:
    """Handle Ctrl-C, a polite kill and, unless started by nohup, the closing of the terminal."""
    signal.signal(signal.SIGINT, handler)
    signal.signal(signal.SIGTERM, handler)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, handler)


def bound_to_parent(death: signal.Signals) -> Callable[[], None]:
    """Give the `preexec_fn` that ties a child to the calling process; Popen runs it after its change of user."""
    parent = os.getpid()
    return lambda: die_with_parent(parent, death)


def working_in(folder: Path) -> set[int]:
    """List the processes whose working directory is `folder`.

    Another user's working directory may be hidden from us (root in a container without CAP_SYS_PTRACE):
    such a process counts when its command line or title names the folder.
    """
    try:
        wanted = folder.stat()
    except FileNotFoundError:
        return set()
    pids = (int(entry.name) for entry in os.scandir("/proc") if entry.name.isdigit())
    return {pid for pid in pids if _works_in(pid, folder, wanted)}


def _works_in(pid: int, folder: Path, wanted: os.stat_result) -> bool:
    try:
        return os.path.samestat(os.stat(f"/proc/{pid}/cwd"), wanted)
    except PermissionError:
        return _names(pid, folder)
    except OSError:  # gone meanwhile, or a zombie
        return False


def _names(pid: int, folder: Path) -> bool:
    try:
        title = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return os.fsencode(folder) in title or title_mark(folder).encode() in title


def title_mark(folder: Path) -> str:
    """Give the short name under which a server of `folder` shows itself in every one of its process titles."""
    status = folder.stat()
    return f"observatory-{status.st_dev:x}-{status.st_ino:x}"
