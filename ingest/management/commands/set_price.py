"""Give a project a price of its own for a model, from a day on."""

from argparse import ArgumentParser
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.management.base import CommandError

from ingest import timeline
from ingest.management.base import BaseCommand
from ingest.models import PriceOverride
from ingest.projects.models import Project
from ingest.projects.scope import project_scope

MOST_USD = Decimal(10_000_000)


class Command(BaseCommand):
    """`set_price PROJECT MODEL --input USD --output USD [--cached USD] [--provider NAME] [--from DAY] [--remove]`."""

    help = "Set the price of a model in USD per million tokens; it goes before the catalogue. `reprice` prices history again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Say which price."""
        parser.add_argument("project", metavar="PROJECT", help="the project's slug")
        parser.add_argument("model", metavar="MODEL", help="the model's name, as calls say it")
        parser.add_argument("--input", metavar="USD", help="per million input tokens")
        parser.add_argument("--output", metavar="USD", help="per million output tokens")
        parser.add_argument("--cached", metavar="USD", help="per million cached input tokens; default: as other input")
        parser.add_argument("--provider", default="", metavar="NAME", help="only for this provider; default: any")
        parser.add_argument("--from", dest="since", metavar="DAY", help="from this day (UTC) on; default: always")
        parser.add_argument("--remove", action="store_true", help="take the price of that day away again")

    def handle(self, *args: object, **options: Any) -> None:
        """Set or remove one price."""
        project = Project.objects.filter(slug=options["project"]).first()
        if project is None:
            raise CommandError(f"there is no project {options['project']!r}")
        price = {
            "model": options["model"][:100],
            "provider": options["provider"][:100],
            "valid_from": _day(options["since"]),
        }
        with project_scope(project.pk):
            if options["remove"]:
                removed, _ = PriceOverride.objects.filter(**price).delete()
                self.stdout.write(f"{removed} price{'' if removed == 1 else 's'} removed")
                return
            PriceOverride.objects.filter(**price).delete()
            fields: dict[str, Any] = {**price, **_usd(options), "label": "set_price"}
            PriceOverride(project_id=project.pk, **fields).save()
        self.stdout.write(
            f"{options['model']} is priced from {price['valid_from']} on; calls before now: manage.py reprice"
        )


def _day(text: str | None) -> date:
    if text is None:
        return timeline.EPOCH.date()
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"--from {text}: not a day like 2026-01-31") from error


def _usd(options: dict[str, Any]) -> dict[str, Decimal | None]:
    """The three prices. Raises CommandError for what is none."""
    found: dict[str, Decimal | None] = {}
    for name, column in (("input", "input"), ("output", "output"), ("cached", "cached_input")):
        text = options[name]
        if text is None and name != "cached":
            raise CommandError(f"--{name} is needed: USD per million {name} tokens")
        try:
            value = None if text is None else Decimal(text)
        except InvalidOperation:
            value = Decimal("NaN")
        if value is not None and not (value.is_finite() and 0 <= value <= MOST_USD):
            raise CommandError(f"--{name} {text}: a price from 0 to {MOST_USD} USD per million tokens")
        found[f"{column}_usd_per_million"] = value
    return found
