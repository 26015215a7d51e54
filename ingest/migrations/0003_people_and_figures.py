"""What became of users, and figures that only the business knows."""

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    """What became of users, and figures that only the business knows."""

    dependencies = [("projects", "0003_policies"), ("ingest", "0002_changes_and_prices")]
    operations: ClassVar = []
