"""Late events, and weeks that may go."""

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    """Late events, and weeks that may go."""

    dependencies = [("ingest", "0005_texts")]
    operations: ClassVar = []
