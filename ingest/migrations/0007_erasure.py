"""Erased users and the receipts of their erasure."""

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    """Erased users and the receipts of their erasure."""

    dependencies = [("ingest", "0006_horizon")]
    operations: ClassVar = []
