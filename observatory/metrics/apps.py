"""The Django app of this room."""

from django.apps import AppConfig


class MetricsConfig(AppConfig):
    """Definitions, rollups and the read API."""

    name = "observatory.metrics"
    label = "metrics"

    def ready(self) -> None:
        """Say what an erasure clears here."""
        from ingest.erasure import registry
        from observatory.metrics import forgetting

        registry.register(forgetting.STEP)
