"""How far a feature's record was imported: windows that hold imported events raise no alert."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Let imports leave their mark."""

    dependencies = [("projects", "0003_policies")]
    operations = [
        migrations.AddField(
            "feature",
            "imported_to",
            models.DateTimeField(
                null=True, blank=True, help_text="The newest imported event: rules judge only windows after it."
            ),
        ),
    ]
