"""The reference says of every metric what its definition says, and of nothing else."""

import re
from pathlib import Path

from observatory.metrics.definitions import METRICS, Kind

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "metrics.md"


def test_every_metric_has_its_row_in_the_reference() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|.*\| (\d+) \| (.+) \|$", PAGE.read_text(), re.MULTILINE)
    expected = [(m.name, str(m.unit), str(m.minimum_sample), m.doc) for m in METRICS.values()]
    assert rows == expected


def test_every_derived_metric_has_its_formula() -> None:
    from observatory.metrics.derived import FORMULAS

    assert set(FORMULAS) == {name for name, metric in METRICS.items() if metric.kind is Kind.DERIVED}
