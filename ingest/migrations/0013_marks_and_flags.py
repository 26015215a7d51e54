"""Marks of imports in a column of the project, flags of feedback and costs."""

import hashlib
from typing import ClassVar

from django.db import migrations

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
# Bits as those of interactions, of which only that for repaired texts is set.
FLAGS = """
    ALTER TABLE feedback ADD COLUMN flags integer NOT NULL DEFAULT 0;
    ALTER TABLE cost ADD COLUMN flags integer NOT NULL DEFAULT 0;
"""


class Migration(migrations.Migration):
    """Let the keys of a record be its items' alone, and repairs be seen."""

    dependencies: ClassVar = [
        ("projects", "0005_imported_projects"),
        ("ingest", "0012_rows_with_texts"),
    ]
    operations: ClassVar = [migrations.RunSQL(TAKE_OVER), migrations.RunSQL(FLAGS)]
