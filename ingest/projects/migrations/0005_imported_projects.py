"""How far a project's record was imported as a whole: the newest of all imported events."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    """Let imports leave their mark on the project, too."""

    dependencies: ClassVar = [("projects", "0004_imported_features")]
    operations: ClassVar = [
        migrations.AddField(
            "project",
            "imported_to",
            models.DateTimeField(
                null=True, blank=True, help_text="The newest imported event: its own rules judge only windows after it."
            ),
        ),
    ]
