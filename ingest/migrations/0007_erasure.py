"""Erased users and deleted projects: tombstones, work that is under way, receipts."""

from django.db import migrations

from ingest.projects.walls import protect

TABLES = """
    -- Who was erased, as a keyed hash, and up to when: nothing of theirs from before comes in again.
    -- Numbers follow the order of commits in a project, so that a reader may go on from the last one it saw.
    CREATE TABLE erased_user (
        project_id bigint NOT NULL,
        tombstone bytea NOT NULL,
        erased_at timestamptz NOT NULL,
        number bigint NOT NULL,
        PRIMARY KEY (project_id, tombstone)
    );
    CREATE UNIQUE INDEX erased_user_order ON erased_user (project_id, number);

    -- One row an erasure: the work while it runs, the receipt for ever. The user's id goes when it is done.
    CREATE TABLE erasure (
        project_id bigint NOT NULL,
        number bigint NOT NULL,
        tombstone bytea NOT NULL,
        user_id text COLLATE "C",
        requested_at timestamptz NOT NULL,
        requested_by text NOT NULL,
        due_at timestamptz NOT NULL,
        started_at timestamptz,
        finished_at timestamptz,
        state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'running', 'done')),
        step text NOT NULL DEFAULT '',
        place text NOT NULL DEFAULT '',
        counts jsonb NOT NULL DEFAULT '{}',
        sums_before timestamptz,
        PRIMARY KEY (project_id, number),
        CHECK ((state = 'done') = (user_id IS NULL))
    );
    CREATE UNIQUE INDEX one_erasure_each ON erasure (project_id, tombstone) WHERE state <> 'done';
    CREATE INDEX erasure_due ON erasure (due_at) WHERE state <> 'done';

    -- What a running erasure has to remember of the rows it has deleted: sessions (kind 1) and interactions (kind 2).
    CREATE TABLE erasure_trace (
        project_id bigint NOT NULL,
        number bigint NOT NULL,
        kind smallint NOT NULL,
        at timestamptz NOT NULL DEFAULT '-infinity',
        id text COLLATE "C" NOT NULL,
        PRIMARY KEY (project_id, number, kind, at, id)
    );

    -- Receipts of deleted projects. They outlive the project, so they carry its number under another name.
    CREATE TABLE deleted_project (
        project bigint PRIMARY KEY,
        slug text NOT NULL,
        started_at timestamptz NOT NULL,
        finished_at timestamptz,
        counts jsonb NOT NULL DEFAULT '{}'
    );
    REVOKE ALL ON deleted_project FROM observatory_app;
"""


class Migration(migrations.Migration):
    """Let users and projects leave."""

    dependencies = [("ingest", "0006_horizon")]
    operations = [
        migrations.RunSQL(TABLES),
        migrations.RunSQL(protect("erased_user", app="SELECT, INSERT, UPDATE")),
        migrations.RunSQL(protect("erasure", app="SELECT, INSERT")),
        migrations.RunSQL(protect("erasure_trace", app="")),
    ]
