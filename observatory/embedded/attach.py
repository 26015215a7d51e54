"""How commands beside a live `make up` find its database and its secret key. Changes nothing."""

import socket
from pathlib import Path

from observatory.embedded.errors import EmbeddedError, NotRunning
from observatory.embedded.place import SOCKET_NAME, Place, existing
from observatory.embedded.secret import SECRET_KEY_FILE
from observatory.embedded.server import saved_passwords, urls

__all__ = ["NotRunning", "environment"]


def environment(data_dir: Path) -> dict[str, str]:
    """Give the variables that lead to the running built-in database of this data directory.

    Keys: DATABASE_URL (app), DATABASE_OWNER_URL, DATABASE_JOBS_URL, OBSERVATORY_SECRET_KEY.
    Raises NotRunning, in one line, when there is none, when it is asleep, and when it is not ours to use.
    """
    try:
        place = existing(data_dir)
        if place is None or not _listens(place):
            raise NotRunning(
                f"The database of {data_dir} is not running: start it with make up, or set DATABASE_URL;"
                " for another folder set OBSERVATORY_DATA_DIR."
            )
        return variables(place, data_dir)
    except (EmbeddedError, PermissionError) as error:
        raise NotRunning(str(error)) from None


def variables(place: Place, data_dir: Path) -> dict[str, str]:
    """Name the place's URLs and the secret key as the settings read them."""
    known = urls(place, saved_passwords(place))
    found = {"DATABASE_URL": known.app, "DATABASE_OWNER_URL": known.owner, "DATABASE_JOBS_URL": known.jobs}
    key = data_dir / SECRET_KEY_FILE
    return {**found, "OBSERVATORY_SECRET_KEY": key.read_text().strip()} if key.exists() else found


def _listens(place: Place) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(3)
        try:
            probe.connect(str(place.run / SOCKET_NAME))
        except OSError:
            return False
    return True
