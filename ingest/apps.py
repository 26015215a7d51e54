"""The Django app of this room."""

from django.apps import AppConfig


class IngestConfig(AppConfig):
    """The record of what apps sent."""

    name = "ingest"
    label = "ingest"

    def ready(self) -> None:
        """Teach the driver our arrays before the first connection is opened; say what an erasure clears here."""
        import psycopg

        from ingest import adapters
        from ingest.erasure import record, registry

        adapters.register(psycopg.adapters)
        registry.register(*record.STEPS)
