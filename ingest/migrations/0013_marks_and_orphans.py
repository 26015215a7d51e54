"""Marks of imports in a column of the project, orphans told apart by their kind, flags of feedback and costs."""

import hashlib
from typing import ClassVar

from django.db import migrations

from ingest.dimensions import RecordKind

KEY = hashlib.blake2b(b"imported", digest_size=16).hexdigest()
# Each is looked up by its whole key: a record has a key for every item.
TAKE_OVER = f"""
    UPDATE project p SET imported_to = k.occurred_at
    FROM project o CROSS JOIN LATERAL (
        SELECT occurred_at FROM record_key WHERE project_id = o.id AND key = '\\x{KEY}'::bytea OFFSET 0) k
    WHERE p.id = o.id;
    DELETE FROM record_key
    WHERE project_id = ANY(ARRAY(SELECT id FROM project WHERE imported_to IS NOT NULL)) AND key = '\\x{KEY}'::bytea;
"""
KINDS = ", ".join(f"({kind:d}, '{kind.name.lower()}')" for kind in (RecordKind.FEEDBACK, RecordKind.COST))
TOLD_APART = f"""
    DO $do$ BEGIN
        EXECUTE replace(
            pg_get_functiondef('product_vitals()'::regprocedure),
            $$SELECT 'orphans', count(*) FROM orphan WHERE settled_at IS NULL$$,
            $$SELECT 'orphans.' || k.name, count(o.id)
              FROM (VALUES {KINDS}) AS k (kind, name)
              LEFT JOIN orphan o ON o.record_kind = k.kind AND o.settled_at IS NULL GROUP BY k.name$$
        );
    END $do$;
"""
# Bits as those of interactions, of which only that for repaired texts is set.
FLAGS = """
    ALTER TABLE feedback ADD COLUMN flags integer NOT NULL DEFAULT 0;
    ALTER TABLE cost ADD COLUMN flags integer NOT NULL DEFAULT 0;
"""


class Migration(migrations.Migration):
    """Let the keys of a record be its items' alone, what waits be told by its kind, and repairs be seen."""

    dependencies: ClassVar = [
        ("projects", "0005_imported_projects"),
        ("ingest", "0012_rows_with_texts"),
        ("metrics", "0006_exports"),
    ]
    operations: ClassVar = [migrations.RunSQL(TAKE_OVER), migrations.RunSQL(TOLD_APART), migrations.RunSQL(FLAGS)]
