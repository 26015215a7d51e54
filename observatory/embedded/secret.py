"""Secrets kept in files that only their owner reads."""

import os
import secrets
from pathlib import Path

SECRET_KEY_FILE = "secret.key"  # noqa: S105 (a file name)


def write_secret(path: Path, text: str) -> None:
    """Write a 0600 file, whole or not at all."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def secret_key(data_dir: Path) -> str:
    """Give the signing key of this data directory, made on first use."""
    path = data_dir / SECRET_KEY_FILE
    if not path.exists():
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_secret(path, secrets.token_urlsafe(48))
    return path.read_text().strip()
