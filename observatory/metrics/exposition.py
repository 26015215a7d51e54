"""Numbers in the text formats that Prometheus reads: its own, 0.0.4, and OpenMetrics 1.0. Pure: no Django here."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPEN_METRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


class Kind(StrEnum):
    """What a family's numbers do: go up and down, only up, or say what is so by their labels."""

    GAUGE = "gauge"
    COUNTER = "counter"
    INFO = "info"


SUFFIX = {Kind.GAUGE: "", Kind.COUNTER: "_total", Kind.INFO: "_info"}
"""What the name of a sample has behind that of its family."""


@dataclass(frozen=True)
class Sample:
    """One number of a family, with its labels."""

    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Family:
    """All numbers of one name. `name` ends in its unit; the suffix of its kind is added where it is written."""

    name: str
    doc: str
    samples: tuple[Sample, ...]
    kind: Kind = Kind.GAUGE


def text(families: Iterable[Family]) -> str:
    """Prometheus's text format 0.0.4, in which HELP and TYPE name the samples and a family of information is a gauge."""
    lines = []
    for family in families:
        name = family.name + SUFFIX[family.kind]
        kind = Kind.GAUGE if family.kind is Kind.INFO else family.kind
        lines += [f"# HELP {name} {_escaped(family.doc)}", f"# TYPE {name} {kind}", *_samples(name, family)]
    return "".join(f"{line}\n" for line in lines)


def open_metrics(families: Iterable[Family]) -> str:
    """OpenMetrics 1.0, in which HELP and TYPE name the family and the end is marked."""
    lines = []
    for family in families:
        lines += [f"# TYPE {family.name} {family.kind}", f"# HELP {family.name} {_escaped(family.doc, quotes=True)}"]
        lines += _samples(family.name + SUFFIX[family.kind], family)
    return "".join(f"{line}\n" for line in (*lines, "# EOF"))


def negotiated(accepted: str) -> tuple[str, Callable[[Iterable[Family]], str]]:
    """The content type and the writer that an `Accept` header prefers; the text format where it says nothing."""
    wanted = {"application/openmetrics-text": 0.0, "text/plain": 0.0}
    for part in accepted.lower().split(","):
        media_type, *parameters = (word.strip() for word in part.split(";"))
        weight = next((one[2:] for one in parameters if one.startswith("q=")), "1")
        if media_type in wanted:
            wanted[media_type] = max(wanted[media_type], _weight(weight))
    if wanted["application/openmetrics-text"] > wanted["text/plain"]:
        return OPEN_METRICS, open_metrics
    return TEXT, text


def _weight(said: str) -> float:
    try:
        return float(said)
    except ValueError:
        return 0.0


def _samples(name: str, family: Family) -> list[str]:
    return [f"{name}{_labels(sample.labels)} {_number(sample.value)}" for sample in family.samples]


def _labels(labels: Mapping[str, str]) -> str:
    inside = ",".join(f'{name}="{_escaped(value, quotes=True)}"' for name, value in labels.items())
    return f"{{{inside}}}" if inside else ""


def _escaped(words: str, *, quotes: bool = False) -> str:
    found = words.replace("\\", r"\\").replace("\n", r"\n")
    return found.replace('"', r"\"") if quotes else found


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))
