"""The figures: valid for plotly, honest about what is not known, and inert."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import plotly.graph_objects as go
import pytest

from dashboards import style_page
from dashboards.charts.axes import plot_height
from dashboards.charts.bars import columns, cost_bars
from dashboards.charts.curves import evidence, lorenz_points, share_of_top
from dashboards.charts.data import Band, Chart, Frame, Group, Limit, Mark, Point, Span
from dashboards.charts.groups import lines_by_group, top_groups
from dashboards.charts.sparkline import sparkline
from dashboards.charts.text import inert
from dashboards.charts.timeseries import Around, timeseries

START = datetime(2026, 8, 1, tzinfo=UTC)
DAY = timedelta(days=1)
FRAME = Frame(START, START + 7 * DAY, DAY, UTC)
HOSTILE = '<a href="javascript:alert(1)">x</a><b>%{y}</b>&lt;@critical'


def week(*values: float | None, n: int = 500, **about: Any) -> list[Point]:
    return [
        Point(
            START + day * DAY, value, *((value - 0.02, value + 0.02) if value is not None else (None, None)), n, **about
        )
        for day, value in enumerate(values)
    ]


def texts(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        for one in node.values():
            yield from texts(one)
    elif isinstance(node, list | tuple):
        for one in node:
            yield from texts(one)


def stand_in(node: Any, key: str = "") -> Any:
    """Roles replaced by a colour where charts.js replaces them, and only there."""
    if isinstance(node, str):
        return "#123456" if node.startswith("@") and key.lower().endswith("color") else node
    if isinstance(node, dict):
        return {name: stand_in(one, name) for name, one in node.items()}
    return [stand_in(one, key) for one in node] if isinstance(node, list) else node


def polygons(chart: Chart) -> list[dict[str, Any]]:
    return [trace for trace in chart.figure["data"] if trace.get("fill") == "toself"]


@pytest.mark.parametrize("name", sorted(style_page.charts()))
def test_plotly_accepts_the_figure(name: str) -> None:
    chart = style_page.charts()[name]
    figure = go.Figure(stand_in(chart.figure))
    figure.update_layout(template="none")
    assert len(figure.data) == len(chart.figure["data"])
    json.dumps(chart.figure, allow_nan=False)


@pytest.mark.parametrize("name", sorted(style_page.charts()))
def test_every_colour_is_a_role(name: str) -> None:
    def colours(node: Any, key: str = "") -> Iterator[str]:
        if isinstance(node, dict):
            for inner, one in node.items():
                yield from colours(one, inner)
        elif isinstance(node, list):
            for one in node:
                yield from colours(one, key)
        elif isinstance(node, str) and key.lower().endswith("color"):
            yield node

    css = (style_page.__file__.rsplit("/", 1)[0]) + "/static/dashboards/css/tokens.css"
    with open(css, encoding="utf-8") as file:
        tokens = file.read()
    for colour in colours(style_page.charts()[name].figure):
        assert colour == "rgba(0,0,0,0)" or f"--c-{colour.removeprefix('@')}:" in tokens, colour


@pytest.mark.parametrize("name", sorted(style_page.charts()))
def test_the_twin_has_the_same_numbers(name: str) -> None:
    table = style_page.charts()[name].table
    assert table.rows
    assert all(len(row) == len(table.columns) for row in table.rows)


def test_each_unbroken_run_has_its_own_polygon() -> None:
    chart = timeseries(FRAME, "Rate", "ratio", week(0.7, 0.71, None, 0.7, 0.69, 0.7))
    assert [len(polygon["x"]) for polygon in polygons(chart)] == [4, 6]


def test_a_missing_bucket_is_a_gap() -> None:
    points = [point for point in week(0.7, 0.71, 0.7, 0.69) if point.at != START + 2 * DAY]
    line = next(
        trace for trace in timeseries(FRAME, "Rate", "ratio", points).figure["data"] if trace["mode"] == "lines"
    )
    assert None in line["y"]


def test_open_buckets_are_dotted_with_a_hollow_end_and_have_no_interval() -> None:
    points = [*week(0.7, 0.71), Point(START + 2 * DAY, 0.72, 0.7, 0.74, 20, mature=False)]
    chart = timeseries(FRAME, "Rate", "ratio", points)
    dotted = next(trace for trace in chart.figure["data"] if trace.get("line", {}).get("dash") == "dot")
    assert dotted["y"] == [0.71, 0.72]
    assert dotted["marker"]["size"] == [0, 7]
    assert [len(polygon["x"]) for polygon in polygons(chart)] == [4]


def test_thin_samples_are_hollow() -> None:
    points = [*week(0.7, 0.71), Point(START + 2 * DAY, 0.75, 0.5, 0.9, 12)]
    markers = [t for t in timeseries(FRAME, "Rate", "ratio", points).figure["data"] if t["mode"] == "markers"]
    assert any(trace["marker"].get("size") == 6 and trace["y"] == [0.75] for trace in markers)


def test_a_lonely_bucket_is_a_dot() -> None:
    chart = timeseries(FRAME, "Rate", "ratio", week(None, 0.7, None))
    assert any(t["mode"] == "markers" and t["y"] == [0.7] and t["marker"]["size"] == 5 for t in chart.figure["data"])


def test_nothing_known_still_draws_and_says_so() -> None:
    chart = timeseries(FRAME, "Rate", "ratio", week(None, None))
    assert chart.label == "Rate: no data in this window"
    go.Figure(stand_in(chart.figure))


def test_the_baseline_limits_and_marks_are_labelled() -> None:
    around = Around(
        Band(0.75, 0.73, 0.77), (Limit(0.70, "warning"), Limit(0.65, "critical")), (Mark(START + DAY, "v12"),)
    )
    chart = timeseries(FRAME, "Rate", "ratio", week(0.7, 0.71, 0.68), around)
    drawn = {label["text"].strip().replace("\u00a0", " ") for label in chart.figure["layout"]["annotations"]}
    assert drawn == {"baseline 75.0 %", "warning 70.0 %", "critical 65.0 %", "v12"}
    assert [key.number for key in chart.keys] == [0, 0, 0, 1]


def test_crowded_marks_keep_their_lines_and_lose_texts_rather_than_overlap() -> None:
    marks = [Mark(START + hour * timedelta(hours=1), f"release {hour}") for hour in range(24)]
    layout = timeseries(FRAME, "Rate", "ratio", week(0.7, 0.71, 0.68), Around(marks=marks)).figure["layout"]
    assert len([shape for shape in layout["shapes"] if shape["line"].get("dash") == "dot"]) == 24
    assert 4 <= len(layout["annotations"]) < 12
    assert len({(label["x"], label["y"]) for label in layout["annotations"]}) == len(layout["annotations"])


def seam(day: float, zone: str = "Europe/Berlin") -> Mark:
    return Mark(START + day * DAY, "time zone changed: days before", f"are days of {zone}", "seam")


@pytest.mark.parametrize(("day", "side"), [(1, "left"), (3.4, "left"), (3.6, "right"), (6, "right")])
def test_a_seam_is_a_dashed_line_with_two_lines_of_text_towards_the_wider_side(day: float, side: str) -> None:
    chart = timeseries(FRAME, "Rate", "ratio", week(0.7, 0.71, 0.68), Around(marks=[seam(day)]))
    (shape,) = [one for one in chart.figure["layout"]["shapes"] if one["line"].get("dash")]
    assert shape["line"]["dash"] == "dash"
    assert shape["x0"] == shape["x1"]
    (label,) = chart.figure["layout"]["annotations"]
    words = [line.strip() for line in label["text"].split("<br>")]
    assert words == ["time zone changed: days before", "are days of Europe/Berlin"]
    assert (label["xanchor"], label["align"]) == (side, side)
    assert [key.text for key in chart.keys] == ["time zone changed: days before are days of Europe/Berlin"]


def test_a_seam_has_room_however_crowded_changes_are_and_in_whatever_zone() -> None:
    marks = [Mark(START + hour * timedelta(hours=1), f"release {hour}") for hour in range(72)]
    marks.append(seam(1.5, "America/Argentina/Buenos_Aires"))
    layout = timeseries(FRAME, "Rate", "ratio", week(0.7, 0.71, 0.68), Around(marks=marks)).figure["layout"]
    (label,) = [one for one in layout["annotations"] if "time zone" in one["text"]]
    assert label["y"] == 1
    assert label["text"].endswith("are days of America/Argentina/Buenos_Aires ")


def test_only_a_seam_inside_the_window_is_drawn() -> None:
    for day in (-1, 7, 9):
        layout = timeseries(FRAME, "Rate", "ratio", week(0.7, 0.71), Around(marks=[seam(day)])).figure["layout"]
        assert (layout["shapes"], layout["annotations"]) == ([], [])


def test_a_cut_day_is_hollow_and_says_what_it_is() -> None:
    points = week(0.7, 0.71, 0.68)
    points[1] = replace(points[1], seam=True)
    chart = timeseries(FRAME, "Rate", "ratio", points)
    (hollow,) = [one for one in chart.figure["data"] if one.get("marker", {}).get("symbol") == "circle"]
    assert hollow["x"] == ["2026-08-02 00:00"]
    said = [text for one in chart.figure["data"] for text in one.get("customdata", ())]
    assert [text.rpartition(", not")[0].endswith("time zone changed") for text in said] == [False, True, False]
    assert [row[-1] for row in chart.table.rows] == ["", "time zone changed, not a whole day", ""]


@pytest.mark.parametrize("size", ["normal", "tall"])
@pytest.mark.parametrize("is_seamed", [False, True])
def test_nothing_is_drawn_through_the_texts_of_marks(size: Any, is_seamed: bool) -> None:
    frame = Frame(START, START + 7 * DAY, DAY, UTC, size)
    points = [Point(START + day * DAY, value, n=9) for day, value in enumerate((1, 3, 2, 3, 1, 3, 3))]
    marks = [Mark(START + day * DAY, f"Release 4.{day}.0") for day in (1, 2, 3)] + [seam(2)] * is_seamed
    groups = [Group("a", points)]
    for chart in (
        timeseries(frame, "Calls", "count", points, Around(marks=marks)),
        columns(frame, "Calls", "count", points, Around(marks=marks)),
        lines_by_group(frame, "Calls", "count", groups, marks=marks),
        cost_bars(frame, groups, marks=marks),
    ):
        low, high = chart.figure["layout"]["yaxis"]["range"]
        labels = [label for label in chart.figure["layout"]["annotations"] if label.get("yanchor") == "top"]
        assert sum("<br>" in label["text"] for label in labels) == is_seamed
        lowest = min(label["y"] - 14 * (1 + label["text"].count("<br>")) / plot_height(size) for label in labels)
        assert (3 - low) / (high - low) <= lowest


def test_a_limit_beyond_the_axis_keeps_its_label() -> None:
    chart = timeseries(
        FRAME,
        "Errors",
        "ratio",
        [Point(START + d * DAY, 0.002) for d in range(5)],
        Around(None, (Limit(0.05, "critical"),)),
    )
    label = chart.figure["layout"]["annotations"][0]
    assert label["text"].endswith("↑")
    assert label["y"] <= chart.figure["layout"]["yaxis"]["range"][1]


def test_an_incident_leads_to_its_page_and_nowhere_else() -> None:
    for href, name in (("/incidents/3", "mark /incidents/3"), ("javascript:alert(1)", "mark"), ("//elsewhere", "mark")):
        span = Span(START + DAY, START + 2 * DAY, "Incident 3", "incident", href)
        chart = timeseries(FRAME, "Rate", "ratio", week(0.7, 0.7, 0.7), Around(spans=(span,)))
        assert [label["name"] for label in chart.figure["layout"]["annotations"]] == [name]
        assert [key.href for key in chart.keys] == [href if name != "mark" else ""]


def test_the_five_largest_groups_and_the_rest() -> None:
    groups = [Group(f"g{size}", [Point(START, size / 10, n=size)]) for size in range(1, 8)]
    chosen = top_groups(groups, "weighted")
    assert [group.name for group in chosen] == ["g7", "g6", "g5", "g4", "g3", "other"]
    assert chosen[-1].points[0].value == pytest.approx((0.1 * 1 + 0.2 * 2) / 3)
    assert top_groups(groups, "sum")[-1].points[0].value == pytest.approx(0.3)
    assert len(top_groups(groups, "leave out")) == 5


def test_the_label_of_a_stack_names_the_sum_of_its_component() -> None:
    chart = cost_bars(FRAME, [Group("tokens", week(1.0, 2.0)), Group("retrieval", week(0.5, 0.5))])
    assert [key.text for key in chart.keys] == ["tokens $3.00", "retrieval $1.00"]


def test_the_open_bucket_of_bars_is_hollow() -> None:
    points = [Point(START, 5), Point(START + DAY, 2, complete=False)]
    bar = columns(FRAME, "Calls", "calls", points).figure["data"][0]
    assert bar["marker"]["color"] == ["@series-1", "rgba(0,0,0,0)"]


def test_evidence_stays_within_its_scale() -> None:
    chart = evidence(FRAME, [Point(START, 20.0), Point(START + DAY, 480.0)])
    assert chart.figure["data"][0]["y"] == [20.0, 100.0]
    assert chart.table.rows[1][1] == 480.0


@pytest.mark.parametrize("values", [(0.4, 2.5, 7.0), (-0.6, 0.2, 0.3)])
def test_scores_beyond_a_share_stay_on_the_axis(values: tuple[float, ...]) -> None:
    for chart in (
        timeseries(FRAME, "Score", "ratio", week(*values)),
        lines_by_group(FRAME, "Score", "ratio", [Group("a", week(*values))]),
    ):
        axis = chart.figure["layout"]["yaxis"]
        low, high = axis["range"]
        assert low <= min(values) < max(values) <= high
        assert max(axis["tickvals"]) >= 0.6 * max(values)


def test_concentration_is_read_off_the_curve() -> None:
    assert share_of_top(lorenz_points([1.0] * 100), 0.01) == pytest.approx(0.01)
    assert share_of_top(lorenz_points([0.0] * 99 + [5.0]), 0.01) == pytest.approx(1.0)
    assert lorenz_points([0.0, 0.0]) == []


def test_a_sparkline_breaks_at_gaps_and_ends_with_a_dot() -> None:
    line = sparkline(week(0.1, None, 0.3))
    assert line is not None
    assert line.path == "M0.0 30.0 M100.0 2.0"
    assert line.end == "M100.0 2.0h.01"
    assert sparkline(week(0.1)) is None


def hostile_charts() -> list[Chart]:
    points = week(0.7, 0.71, 0.7)
    around = Around(
        Band(0.7, label=HOSTILE), (Limit(0.69, "warning", HOSTILE),), (Mark(START + DAY, HOSTILE),),
        (Span(START, START + DAY, HOSTILE, "incident", f"/i/{HOSTILE}"),),
    )  # fmt: skip
    return [
        timeseries(FRAME, HOSTILE, "ratio", points, around),
        columns(FRAME, HOSTILE, "calls", points, around),
        lines_by_group(FRAME, HOSTILE, "ratio", [Group(HOSTILE, points), Group("@critical", points)]),
        cost_bars(FRAME, [Group(HOSTILE, points)], marks=(Mark(START, HOSTILE),)),
    ]


@pytest.mark.parametrize("chart", hostile_charts(), ids=["line", "bars", "groups", "cost"])
def test_what_people_write_is_inert_in_plotly(chart: Chart) -> None:
    for trace in chart.figure["data"]:
        for text in texts([trace.get("name", ""), trace.get("customdata", []), trace.get("text", [])]):
            assert not re.search("<|%{", text)
        assert trace.get("hovertemplate", "") in ("", "%{customdata}<extra></extra>")
    for label in chart.figure["layout"]["annotations"]:
        assert not re.search("<|%{", label["text"])


def test_inert_text_is_short_plain_and_reversible_to_the_eye() -> None:
    assert inert("<b>bold</b>") == "&lt;b&gt;bold&lt;/b&gt;"
    assert inert("a &lt; b") == "a &amp;lt; b"
    assert inert("two\nlines\x00") == "two lines"
    assert len(inert("x" * 500)) == 60
