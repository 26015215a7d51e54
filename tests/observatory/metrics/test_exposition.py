"""The text formats that Prometheus reads, held against their grammar."""

import re

import pytest

from observatory.metrics import exposition
from observatory.metrics.exposition import OPEN_METRICS, TEXT, Family, Kind, Sample, negotiated, open_metrics, text

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"'
NUMBER = r"[+-]?(?:Inf|\d+(?:\.\d+)?(?:e[+-]?\d+)?)|NaN"
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? ({NUMBER})")
FAMILIES = (
    Family(
        "a_ratio", 'Words with "quotes", a \\ and\na new line.', (Sample(0.5, {"feature": 'x"y\\z\n'}), Sample(0.25))
    ),
    Family(
        "b_requests",
        "Counted.",
        (Sample(3, {"status": "2xx"}), Sample(12_345_678_901, {"status": "5xx"})),
        Kind.COUNTER,
    ),
    Family("c_build", "What.", (Sample(True, {"version": "1"}),), Kind.INFO),
    Family(
        "d_odd", "Odd numbers.", (Sample(float("nan")), Sample(float("inf"), {"s": "a"}), Sample(1.5e-9, {"s": "b"}))
    ),
    Family("e_empty", "Nothing of it is known.", ()),
)


def unescaped(words: str) -> str:
    return re.sub(r"\\(.)", lambda found: {"n": "\n"}.get(found[1], found[1]), words)


def parsed(lines: list[str]) -> tuple[dict[str, str], dict[str, str], list[tuple[str, dict[str, str], float]]]:
    """Types, words and samples. Fails for a line that is none, a family told twice, and samples apart from their family."""
    types: dict[str, str] = {}
    words: dict[str, str] = {}
    samples = []
    current = ""
    for line in lines:
        if found := re.fullmatch(rf"# (TYPE|HELP) ({NAME}) (.*)", line):
            word, current, rest = found.groups()
            into = types if word == "TYPE" else words
            assert current not in into, line
            into[current] = rest
            continue
        sample = SAMPLE.fullmatch(line)
        assert sample, line
        assert sample[1].startswith(current), line
        labels = {name: unescaped(value) for name, value in re.findall(LABEL, sample[2] or "")}
        samples.append((sample[1], labels, float(sample[sample.re.groups])))
    assert len({(name, *sorted(labels.items())) for name, labels, _ in samples}) == len(samples)
    return types, words, samples


def test_the_text_format_names_samples_in_its_types():
    types, words, samples = parsed(text(FAMILIES).removesuffix("\n").split("\n"))
    assert types == {
        "a_ratio": "gauge",
        "b_requests_total": "counter",
        "c_build_info": "gauge",
        "d_odd": "gauge",
        "e_empty": "gauge",
    }
    assert unescaped(words["a_ratio"]) == FAMILIES[0].doc
    assert samples[:4] == [
        ("a_ratio", {"feature": 'x"y\\z\n'}, 0.5),
        ("a_ratio", {}, 0.25),
        ("b_requests_total", {"status": "2xx"}, 3.0),
        ("b_requests_total", {"status": "5xx"}, 12_345_678_901.0),
    ]
    assert [value for _, _, value in samples[6:]] == [float("inf"), 1.5e-9]


def test_open_metrics_names_families_in_its_types_and_marks_its_end():
    written = open_metrics(FAMILIES)
    assert written.endswith("\n# EOF\n")
    types, words, samples = parsed(written.removesuffix("\n# EOF\n").split("\n"))
    assert types == {
        "a_ratio": "gauge",
        "b_requests": "counter",
        "c_build": "info",
        "d_odd": "gauge",
        "e_empty": "gauge",
    }
    assert set(words) == set(types)
    assert {name for name, _, _ in samples} == {"a_ratio", "b_requests_total", "c_build_info", "d_odd"}
    assert unescaped(words["a_ratio"]) == FAMILIES[0].doc


@pytest.mark.parametrize(
    ("accepted", "content_type"),
    [
        ("", TEXT),
        ("*/*", TEXT),
        ("text/html", TEXT),
        ("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1", OPEN_METRICS),
        ("text/plain;version=0.0.4;q=0.5,application/openmetrics-text;q=0.4", TEXT),
        ("application/openmetrics-text;q=nonsense", TEXT),
    ],
)
def test_the_reader_chooses_the_format(accepted, content_type):
    assert negotiated(accepted)[0] == content_type
    assert negotiated(accepted)[1] is {TEXT: exposition.text, OPEN_METRICS: exposition.open_metrics}[content_type]
