"""Enter what a provider lets a project do in a minute, or list what was entered."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from ingest.management.base import BaseCommand
from ingest.projects.models import Project
from ingest.projects.scope import project_scope
from observatory.metrics import provider_limits
from observatory.metrics.provider_limits import Limit

MOST = 10**12


class Command(BaseCommand):
    """`provider_limit PROJECT [PROVIDER [--model M] [--requests-per-minute N] [--tokens-per-minute N] [--remove]]`."""

    help = (
        "Enter a provider's limits per minute, which provider_limit_use is measured by; without a provider list them."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Say which limit."""
        parser.add_argument("project", metavar="PROJECT", help="the project's slug")
        parser.add_argument("provider", metavar="PROVIDER", nargs="?", help="the provider's name, as calls say it")
        parser.add_argument("--model", default="", metavar="NAME", help="only of this model; default: all together")
        parser.add_argument("--requests-per-minute", type=int, metavar="N", help="calls a minute")
        parser.add_argument("--tokens-per-minute", type=int, metavar="N", help="input and output tokens a minute")
        parser.add_argument("--remove", action="store_true", help="take the limit away again")

    def handle(self, *args: object, **options: Any) -> None:
        """Enter, remove or list. Raises CommandError for what is no limit."""
        project = Project.objects.filter(slug=options["project"]).first()
        if project is None:
            raise CommandError(f"there is no project {options['project']!r}")
        with project_scope(project.pk):
            if options["provider"] is None:
                self._list()
            elif options["remove"]:
                was_there = provider_limits.remove(options["provider"], options["model"])
                self.stdout.write("removed" if was_there else "there was no such limit")
            else:
                limit = _limit(options)
                provider_limits.enter(limit)
                self.stdout.write(_told(limit))

    def _list(self) -> None:
        limits = provider_limits.entered()
        for limit in limits:
            self.stdout.write(_told(limit))
        if not limits:
            self.stdout.write("no limits were entered")


def _limit(options: dict[str, Any]) -> Limit:
    requests, tokens = options["requests_per_minute"], options["tokens_per_minute"]
    if requests is None and tokens is None:
        raise CommandError("give --requests-per-minute, --tokens-per-minute or both")
    for name, number in (("--requests-per-minute", requests), ("--tokens-per-minute", tokens)):
        if number is not None and not 1 <= number <= MOST:
            raise CommandError(f"{name} {number}: a number from 1 to {MOST}")
    provider, model = options["provider"], options["model"]
    if not provider or len(provider) > 100 or len(model) > 200:
        raise CommandError("a provider has 1 to 100 characters, a model at most 200")
    return Limit(provider, model, requests, tokens)


def _told(limit: Limit) -> str:
    name = f"{limit.provider} {limit.model}".rstrip()
    numbers = ((limit.requests_per_minute, "requests"), (limit.tokens_per_minute, "tokens"))
    return f"{name}: " + ", ".join(f"{number:,} {what} a minute" for number, what in numbers if number is not None)
