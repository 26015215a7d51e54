"""What a backup is: a folder with a dump, the secrets apart, and a manifest that tells whether both are whole. Pure.

manifest.json    what was saved when, of which version, with the rows of every table and a checksum of each file
database.dump    pg_dump's custom format, of one snapshot
secrets.json     0600: the secret key and the settings of the environment; passwords of roles are not needed
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

FORMAT = 1
MANIFEST, DUMP, SECRETS = "manifest.json", "database.dump", "secrets.json"
_PIECE = 1024 * 1024


class Unusable(Exception):
    """A backup that cannot be restored here; the message is one complete sentence."""


@dataclass(frozen=True)
class Manifest:
    """What a backup says of itself. `tables` are rows by `schema.table`; `files` SHA-256 by name, in hex."""

    product: str
    made_at: str
    server: str
    migrations: list[str]
    tables: dict[str, int]
    files: dict[str, str]
    format: int = FORMAT

    def as_json(self) -> str:
        """The text of the manifest's file."""
        return json.dumps(asdict(self), indent=2, sort_keys=True) + "\n"


def read(folder: Path) -> Manifest:
    """Read a backup's manifest. Raises Unusable when there is none, or one of another kind."""
    try:
        found: Any = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Unusable(f"{folder} holds no {MANIFEST}: it is not a backup, or one that was not finished.") from None
    except (OSError, ValueError) as error:
        raise Unusable(f"{folder / MANIFEST} cannot be read: {error}.") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise Unusable(f"{folder / MANIFEST} is not in the format {FORMAT} that this version reads.")
    try:
        return Manifest(**found)
    except TypeError as error:
        raise Unusable(f"{folder / MANIFEST} is not complete: {error}.") from None


def check_files(manifest: Manifest, folder: Path) -> None:
    """Raise Unusable when a file is missing or is not what was written."""
    for name, expected in manifest.files.items():
        if not (folder / name).is_file():
            raise Unusable(f"{folder / name} is missing.")
        if digest(folder / name) != expected:
            raise Unusable(f"{folder / name} is damaged: its checksum is not the one in {MANIFEST}.")


def check_version(manifest: Manifest, known_migrations: Collection[str]) -> None:
    """Raise Unusable when a newer version made the backup: its tables are unknown here."""
    unknown = sorted(set(manifest.migrations) - set(known_migrations))
    if unknown:
        raise Unusable(
            f"The backup was made by Observatory {manifest.product}, which has tables that this version does not know "
            f"({', '.join(unknown[:3])}{' …' if len(unknown) > 3 else ''}): restore it with that version or a newer one."
        )


def differing(manifest: Manifest, tables: Mapping[str, int]) -> list[str]:
    """Each table whose rows are not as many as were saved, in words."""
    names = sorted({*manifest.tables, *tables})
    pairs = [(name, manifest.tables.get(name), tables.get(name)) for name in names]
    return [f"{name}: {saved} saved, {found} found" for name, saved, found in pairs if saved != found]


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    made = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            made.update(piece)
    return made.hexdigest()
