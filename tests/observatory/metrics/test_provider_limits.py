"""Limits of providers: entered by a command, listed, and held against the busiest minute."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from ingest.projects.scope import project_scope
from observatory.metrics import provider_limits
from observatory.metrics.provider_limits import Limit


def command(project: Any, *words: str) -> str:
    out = StringIO()
    call_command("provider_limit", project.slug, *words, stdout=out)
    return out.getvalue()


def test_limits_are_entered_replaced_listed_and_removed(project: Any, make_project: Any) -> None:
    assert command(project) == "no limits were entered\n"
    command(project, "openai", "--requests-per-minute", "500", "--tokens-per-minute", "90000")
    command(project, "openai", "--model", "gpt-x", "--tokens-per-minute", "1000")
    said = command(project, "openai", "--requests-per-minute", "600")
    assert said == "openai: 600 requests a minute\n"
    with project_scope(project.pk):
        assert provider_limits.entered() == [Limit("openai", "", 600), Limit("openai", "gpt-x", None, 1_000)]
    assert command(project) == "openai: 600 requests a minute\nopenai gpt-x: 1,000 tokens a minute\n"
    assert command(make_project()) == "no limits were entered\n"
    assert command(project, "openai", "--remove") == "removed\n"
    assert command(project, "openai", "--remove") == "there was no such limit\n"
    assert command(project) == "openai gpt-x: 1,000 tokens a minute\n"


@pytest.mark.parametrize(
    "words", [("openai",), ("openai", "--tokens-per-minute", "0"), ("", "--tokens-per-minute", "5")], ids=str
)
def test_what_is_no_limit_is_refused(project: Any, words: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        command(project, *words)
    with project_scope(project.pk):
        assert provider_limits.entered() == []


def test_a_project_that_does_not_exist_has_no_limits() -> None:
    with pytest.raises(CommandError, match="no project"):
        call_command("provider_limit", "nobody")
