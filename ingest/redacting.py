"""The project's text policy between judging and storing: what leaves here may be committed.

The policy in force when an item comes decides. A later change of policy touches nothing that is stored; and because an
item's fingerprint is that of what was sent, a retry after it is still a duplicate.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from ingest.normalise import Entry
from ingest.redaction.hashing import text_key
from ingest.redaction.policy import FULL, Masker, Policy, redacted
from ingest.secret import installation_secret

log = structlog.get_logger(__name__)


def redact(entries: Iterable[Entry], project_id: int, text_policy: str) -> None:
    """Take out of entries what their project does not want stored; what is kept instead goes to `entry.kept`."""
    if text_policy == FULL:
        return
    policy, failures = policy_of(project_id, text_policy), set()
    for entry in entries:
        entry.item, entry.extras, entry.kept = redacted(entry.item, entry.extras, policy, entry.key)
        if entry.kept and entry.kept.failure:
            failures.add(entry.kept.failure)
    if failures:
        log.error("masker_failed", project_id=project_id, masker=settings.MASKER, errors=sorted(failures))


@lru_cache(maxsize=2048)
def policy_of(project_id: int, text_policy: str) -> Policy:
    """What a project's policy means here: with its key, and the operator's masker.

    Raises ImproperlyConfigured when there is a masker and it cannot be loaded: nothing is stored without it.
    """
    return Policy(text_policy, text_key_of(project_id), own_masker())


@lru_cache(maxsize=2048)
def text_key_of(project_id: int) -> bytes:
    """The key of a project's text hashes and word marks."""
    return text_key(installation_secret(), project_id)


@lru_cache(maxsize=1)
def own_masker() -> Masker | None:
    """The operator's masker that OBSERVATORY_MASKER names, `package.module:function`; None when it names none.

    Raises ImproperlyConfigured when there is no such function.
    """
    if not settings.MASKER:
        return None
    try:
        found: Any = import_string(settings.MASKER.replace(":", "."))
    except Exception as error:
        raise ImproperlyConfigured(f"OBSERVATORY_MASKER={settings.MASKER}: {type(error).__name__}: {error}") from error
    if not callable(found):
        raise ImproperlyConfigured(f"OBSERVATORY_MASKER={settings.MASKER} is not a function")
    masker: Masker = found
    return masker
