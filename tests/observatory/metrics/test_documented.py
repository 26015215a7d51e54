"""The reference says of every metric what its definition says, and of nothing else."""

from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command

from observatory.metrics import declared, reference
from observatory.metrics.definitions import METRICS, Kind

FOLDER = settings.BASE_DIR / declared.REFERENCE


def test_the_reference_is_what_definitions_give() -> None:
    assert {page.name: page.read_text() for page in FOLDER.iterdir()} == reference.pages()


def test_the_command_writes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "BASE_DIR", tmp_path)
    (tmp_path / declared.REFERENCE).parent.mkdir(parents=True)
    told = StringIO()
    call_command("metrics_reference", stdout=told)
    written = {page.name: page.read_text() for page in (tmp_path / declared.REFERENCE).iterdir()}
    assert written == reference.pages()
    assert set(told.getvalue().split()) == {f"{declared.REFERENCE}/{name}" for name in written}


def test_the_catalogue_points_at_a_heading_that_is_there() -> None:
    for metric in METRICS.values():
        path, _, heading = declared.docs_of(metric).partition("#")
        assert f"\n### `{heading}`\n" in (settings.BASE_DIR / path).read_text(), metric.name


def test_every_derived_metric_has_its_formula() -> None:
    from observatory.metrics.derived import FORMULAS

    assert set(FORMULAS) == {name for name, metric in METRICS.items() if metric.kind is Kind.DERIVED}
