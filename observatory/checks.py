"""What must hold before the product may run, as Django system checks: `manage.py check --database default`.

E001 an acknowledged event must survive a power cut; E002 the walls between projects must bind the process's role;
E003 the message queues must exist. The owner's processes build all this and are asked for E001 alone. E004 the masker
that OBSERVATORY_MASKER names must be there: nothing may be stored without it.
"""

import logging
from collections.abc import Sequence

from django.apps.config import AppConfig
from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, OperationalError, connection

from ingest import redacting
from ingest.management.base import OWN_CHECKS
from observatory.queues import QUEUES

log = logging.getLogger(__name__)

DURABLE = {"synchronous_commit": {"on", "remote_apply"}, "fsync": {"on"}, "full_page_writes": {"on"}}
# Roles this one can act as that own tables or are above row-level security: none may be left.
TOO_STRONG = """
    SELECT r.rolname::text FROM pg_catalog.pg_roles r
    WHERE pg_catalog.pg_has_role(current_user, r.oid, 'MEMBER')
      AND (r.rolsuper OR r.rolbypassrls OR EXISTS (
            SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relowner = r.oid AND c.relkind IN ('r', 'p') AND n.nspname IN ('public', 'partitions', 'pgmq')))
    ORDER BY 1
"""
FOUND_QUEUES = """
    SELECT c.relname::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'pgmq' AND c.relname = ANY(%s)
"""


def weak_settings() -> list[str]:
    """Each server setting that could lose an acknowledged event, as `name=value`."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, setting FROM pg_catalog.pg_settings WHERE name = ANY(%s)", [list(DURABLE)])
        return sorted(f"{name}={value}" for name, value in cursor.fetchall() if value not in DURABLE[name])


def too_strong_roles() -> list[str]:
    """The roles of this connection that row-level security does not bind, or that own tables; none is right."""
    with connection.cursor() as cursor:
        cursor.execute(TOO_STRONG)
        return [name for (name,) in cursor.fetchall()]


def missing_queues() -> list[str]:
    """The message queues that `migrate` should have made and has not; none when another broker is set."""
    if settings.BROKER_URL:
        return []
    with connection.cursor() as cursor:
        cursor.execute(FOUND_QUEUES, [[f"q_{name}" for name in QUEUES]])
        found = {name for (name,) in cursor.fetchall()}
    return [name for name in QUEUES if f"q_{name}" not in found]


def problems() -> list[checks.CheckMessage]:
    """Ask the database of this process about all three. Raises OperationalError when it does not answer."""
    found: list[checks.CheckMessage] = []
    if weak := weak_settings():
        found.append(
            checks.Error(
                f"PostgreSQL may lose acknowledged events: {', '.join(weak)}.",
                hint="Set synchronous_commit, fsync and full_page_writes to on.",
                id="observatory.E001",
            )
        )
    if settings.ROLE == "owner":
        return found
    if strong := too_strong_roles():
        found.append(
            checks.Error(
                f"The role of this process can act as {', '.join(strong)}: row-level security would not bind it.",
                hint="Give DATABASE_URL the role observatory_app and DATABASE_JOBS_URL the role observatory_jobs.",
                id="observatory.E002",
            )
        )
    if missing := missing_queues():
        found.append(
            checks.Error(
                f"The message queues {', '.join(missing)} do not exist.",
                hint="Run manage.py migrate.",
                id="observatory.E003",
            )
        )
    return found


@checks.register(OWN_CHECKS)
def masker_is_there(app_configs: Sequence[AppConfig] | None, **_: object) -> list[checks.CheckMessage]:
    """Whether the operator's masker can be loaded."""
    try:
        redacting.own_masker()
    except ImproperlyConfigured as error:
        hint = "Name a function of (text, kind) as package.module:function, on the path of every process."
        return [checks.Error(f"{error}.", hint=hint, id="observatory.E004")]
    return []


@checks.register(checks.Tags.database)
def database_is_safe(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **_: object
) -> list[checks.CheckMessage]:
    """The three checks, for `check --database default` and `migrate`."""
    return problems() if DEFAULT_DB_ALIAS in (databases or ()) else []


def refuse_unsafe() -> None:
    """Raise ImproperlyConfigured when this process must not serve; a database that does not answer is no reason."""
    found = masker_is_there(None)
    try:
        found += problems()
    except OperationalError as error:
        log.warning("the database does not answer yet: %s", error)
    finally:
        connection.close()
    if found:
        raise ImproperlyConfigured(" ".join(f"{message.id}: {message.msg} {message.hint}" for message in found))
