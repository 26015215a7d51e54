"""Changes nobody announced, kept as change events: `changes.noticed` is asked again, its latest answer stands."""

from collections.abc import Iterable
from datetime import date, datetime

from ingest import dictionary
from ingest.dimensions import ABSENT, Dimension
from ingest.models import ChangeEvent
from ingest.projects.access import current_project
from ingest.timeline import day_start, local_day
from observatory.metrics import changes, reads

_TITLE_LENGTH = 300
_VERSION_LENGTH = 100


def notice(now: datetime, zone_name: str) -> None:
    """Put what is noticed now in the place of what was noticed before, feature by feature."""
    features, models = dictionary.values(Dimension.FEATURE), dictionary.values(Dimension.MODEL)
    for number, name in features.items():
        daily = _daily(number, models, zone_name)
        if daily:
            _keep(number, name, changes.noticed(daily, min(daily)), now, zone_name)


def _daily(feature: int, models: dict[int, str], zone_name: str) -> dict[date, dict[str, int]]:
    """The feature's calls by local day and model; calls without a model are left out."""
    return {
        local_day(bucket, zone_name): {
            models.get(model, "other"): calls for model, calls in rows.items() if model != ABSENT
        }
        for bucket, rows in reads.calls_by_model(feature)
    }


def _keep(feature: int, name: str, found: Iterable[changes.Noticed], now: datetime, zone_name: str) -> None:
    kept = []
    for change in found:
        id_sent = f"{feature}:{change.key}"[:200]
        kept.append(id_sent)
        facts = {
            "kind": ChangeEvent.Kind.MODEL,
            "title": f"{name}: {change.reason}"[:_TITLE_LENGTH],
            "occurred_at": day_start(change.day, zone_name),
            "feature_number": feature,
            "version": change.model[:_VERSION_LENGTH],
        }
        ChangeEvent.objects.update_or_create(
            project_id=current_project(),
            source=ChangeEvent.Source.NOTICED,
            id_sent=id_sent,
            defaults=facts,
            create_defaults={**facts, "received_at": now},
        )
    stale = ChangeEvent.objects.filter(source=ChangeEvent.Source.NOTICED, feature_number=feature)
    stale.exclude(id_sent__in=kept).delete()
