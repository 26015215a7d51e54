"""Where the month is heading: the chart, the sentence and the table, and the Cost page that shows them."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from types import SimpleNamespace

import pytest

from dashboards import heading
from dashboards.charts.data import Frame
from dashboards.charts.projected import Sum, projected
from ingest import timeline
from ingest.timeline import DAY, HOUR, floor
from observatory.metrics.forecasting.growth import DEFAULT, Multiplier
from observatory.metrics.forecasting.outlook import Range, Standing
from observatory.metrics.forecasting.projection import DayOfMonth, Scenarios
from observatory.metrics.forecasts import CostForecast
from tests.dashboards import site as sites
from tests.factories import interactions

START = datetime(2026, 10, 1, tzinfo=UTC)
FRAME = Frame(START, START + 31 * DAY, DAY, UTC)
END = Range(271.0, 265.0, 277.0, 262.0, 280.0)
FORECAST = CostForecast(
    date(2026, 10, 1), Standing.OK, 60, date(2026, 10, 26), START, 230.0, END, 262.0, date(2026, 10, 30), DEFAULT,
    (DayOfMonth(date(2026, 10, 31), None, 262.0, END),),
    (
        Scenarios(date(2026, 10, 1), "trend", 265.0, 271.0, 277.0, 262.0, None),
        Scenarios(date(2026, 11, 1), "users", 300.0, 310.0, 330.0, None, 1200.0),
    ),
    START + 26 * DAY,
)  # fmt: skip


def plain(text):
    return text.replace("\u00a0", " ")


def test_the_sentence_says_where_it_is_heading_against_what_and_when_it_is_over():
    assert plain(heading.sentence(FORECAST)) == (
        "Heading for $271.00 (95 %: $262.00–$280.00), ▲ 3.4 % above plan $262.00, runs over it on 30 Oct."
    )
    ran = replace(FORECAST, over_plan_on=date(2026, 10, 26))
    assert "ran over it on 26 Oct" in plain(heading.sentence(ran))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"plan": None, "over_plan_on": None}, "Heading for $271.00 (95 %: $262.00–$280.00). No plan: send the figure forecast_cost_usd."),
        ({"standing": Standing.LEARNING, "known_days": 8, "end": Range(90.0), "over_plan_on": None},
         "Heading for $90.00, ▼ 66 % below plan $262.00. The rate so far: 8 of 14 whole days are known."),
        ({"standing": Standing.LEARNING, "known_days": 0, "end": None}, "Learning: 0 of 14 whole days."),
        ({"plan": None, "over_plan_on": None, "waits_from": date(2026, 9, 14)},
         "Heading for $271.00 (95 %: $262.00–$280.00). No plan: send the figure forecast_cost_usd. "
         "History from 14 Sep on is still being counted. This rests on part of it."),
        ({"standing": Standing.LEARNING, "known_days": 0, "end": None, "waits_from": date(2026, 9, 14)},
         "Learning: 0 of 14 whole days. History from 14 Sep on is still being counted. This rests on part of it."),
        ({"standing": Standing.NO_DATA, "end": None}, "No cost is known of the last eight weeks: nothing to forecast from."),
    ],
)  # fmt: skip
def test_the_sentence_says_what_is_missing(change, expected):
    assert plain(heading.sentence(replace(FORECAST, **change))) == expected


def test_scenarios_are_rows_with_what_they_come_from():
    view = SimpleNamespace()
    table = heading.scenarios_table(view, FORECAST)
    rows = [[plain(field.text) for field in row.fields] for row in table.rows]
    assert rows == [
        ["Oct 2026", "$265.00", "$271.00", "$277.00", "$262.00", "+3.4 %", "the trend"],
        ["Nov 2026", "$300.00", "$310.00", "$330.00", "—", "—", "1,200 planned users"],
    ]
    assert [row.current for row in table.rows] == [True, False]
    assert "planning default" in table.footnote
    fitted = heading.scenarios_table(view, replace(FORECAST, multiplier=Multiplier(1.1, 1.05, 1.2, 6)))
    assert plain(fitted.footnote).startswith(
        "Growth multiplier 1.10 (1.05–1.20): users that grow by 10 % bring 11 % more"
    )
    assert "Fitted from 6 changes" in fitted.footnote
    assert heading.scenarios_table(view, replace(FORECAST, scenarios=())) is None
    waiting = heading.scenarios_table(view, replace(FORECAST, waits_from=date(2026, 9, 14)))
    assert plain(waiting.footnote).endswith("History from 14 Sep on is still being counted. This rests on part of it.")


def sums():
    come = [Sum(START + number * DAY, 10.0 * (number + 1), 9.0 * (number + 1)) for number in range(20)]
    come[-1] = replace(come[-1], expected=200.0, inner=(200.0, 200.0), outer=(200.0, 200.0))
    ahead = [
        Sum(START + number * DAY, 203.0 if number == 20 else None, 9.0 * (number + 1), 10.0 * (number + 1),
            (9.5 * (number + 1), 10.5 * (number + 1)), (9.0 * (number + 1), 11.0 * (number + 1)), complete=False)
        for number in range(20, 31)
    ]  # fmt: skip
    return [*come, *ahead]


def test_the_chart_has_lines_bands_and_the_day_the_plan_is_used_up():
    chart = projected(FRAME, "This month", "usd", sums(), START + 27 * DAY)
    bands = [trace for trace in chart.figure["data"] if trace.get("fill") == "toself"]
    assert [len(band["x"]) for band in bands] == [24, 24]
    lines = [trace for trace in chart.figure["data"] if trace["mode"].startswith("lines")]
    assert [(line["line"]["dash"], len(line["x"])) for line in lines] == [
        ("dash", 31),
        ("dot", 12),
        ("solid", 20),
        ("dot", 2),
    ]
    assert lines[3]["marker"]["size"] == [0, 7]
    assert [key.text for key in chart.keys] == ["plan $279.00", "expected $310.00", "over plan 28\u00a0Oct"]
    assert len(chart.table.rows) == 31
    assert chart.table.rows[20][1:] == (203.0, 189.0, 210.0, 199.5, 220.5, 189.0, 231.0)
    (words,) = [trace["customdata"] for trace in chart.figure["data"] if "customdata" in trace]
    assert words[0] == "$10.00, plan $9.00"
    assert words[20] == "$203.00 so far, expected $210.00 ($189.00–$231.00), plan $189.00"


def test_without_a_forecast_or_a_plan_what_came_is_drawn_alone():
    chart = projected(
        FRAME, "This month", "usd", [Sum(START, 3.0), Sum(START + DAY, 5.0, complete=False), Sum(START + 2 * DAY)]
    )
    assert [key.text for key in chart.keys] == ["so far $5.00"]
    assert not [trace for trace in chart.figure["data"] if trace.get("fill")]


def test_calls_without_a_price_are_not_a_month_of_nothing(site):
    with sites.client(site.web, site.owner) as asking:
        page = asking.get(f"{site.url}cost/").text
    panel = page.split('id="panel-forecast"')[1].split("</section>")[0]
    assert "No cost is known of the last eight weeks" in panel
    assert "$0" not in panel


def test_the_cost_page_shows_the_month_the_ranges_and_the_scenarios(web, project):
    now = timeline.now()
    interactions(
        project,
        [
            {"at": floor(now, DAY) - back * DAY + HOUR, "feature": "a", "cost_nano": (9 + back % 3) * 10**9}
            for back in range(1, 42)
        ],
    )
    sites.roll(project)
    owner = sites.person(project)
    with sites.client(web, owner) as asking:
        address = f"/{project.slug}/cost/"
        page = asking.get(address).text
        table = asking.get(address, params={"csv": "forecast"})
        ranges = asking.get(address, params={"csv": "cost_anomaly"})
        interactions(project, [{"at": floor(now, DAY) - 60 * DAY, "feature": "a", "cost_nano": 10**9}])
        waiting = asking.get(address).text
    assert 'id="panel-forecast"' in page
    assert re.search(r"Heading for \$[\d.,]+ \(95", page)
    assert "This panel could not be computed" not in page
    assert 'id="table-scenarios"' in page
    assert "Growth multiplier 1.30" in page
    assert table.text.splitlines()[0].startswith("Day,Actual (usd),Plan (usd),Expected (usd)")
    assert 28 <= len(table.text.splitlines()) - 1 <= 31
    assert "Low 95 %" in ranges.text.splitlines()[0]
    assert "rests on part of it" not in page
    for place in ("panel-forecast", "panel-cost_anomaly", "table-scenarios"):
        assert "This rests on part of it." in waiting.split(f'id="{place}"')[1].split("</section>")[0], place


def test_an_empty_project_has_no_forecast_and_says_so(web, project):
    owner = sites.person(project)
    sites.roll(project)
    with sites.client(web, owner) as asking:
        answer = asking.get(f"/{project.slug}/cost/")
    assert answer.status_code == 200
    assert "panel-forecast" not in answer.text, "a page without any data has one panel: how to send them"
    assert "table-scenarios" not in answer.text
