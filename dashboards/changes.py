"""Change events as pages tell them."""

from collections.abc import Mapping

from ingest.models import ChangeEvent

LINKS = ("https://", "http://")


def title_about(event: ChangeEvent, feature: str) -> str:
    """The event's title for readers who know that it is about `feature`: without the name in front."""
    title = event.title.replace(" %", "\u00a0%") if event.source == ChangeEvent.Source.NOTICED else event.title
    return title.removeprefix(f"{feature}: ") if feature else title


def title_of(event: ChangeEvent, features: Mapping[int, str]) -> str:
    """The title without its feature's name, which stands beside it."""
    return title_about(event, features.get(event.feature_number, ""))


def about(event: ChangeEvent, features: Mapping[int, str]) -> str:
    """Which feature it concerns, and whether anybody announced it."""
    where = features.get(event.feature_number, "") if event.feature_number else "all features"
    is_noticed = event.source == ChangeEvent.Source.NOTICED
    return " · ".join(filter(None, (where, "noticed by Observatory, announced by nobody" if is_noticed else "")))


def address_of(event: ChangeEvent) -> str:
    """Where the event's own page is: only http addresses become links."""
    return event.url if event.url.startswith(LINKS) else ""
