"""Charts say where the days of another time zone end."""

from datetime import UTC, datetime

import pytest

from ingest.projects.models import Project
from ingest.timeline import DAY, HOUR, day_start, floor, local_day, zone
from observatory.metrics import roller
from tests.dashboards import site as sites
from tests.dashboards.told import figures
from tests.factories import interactions

NOW = floor(datetime.now(UTC), HOUR)
OLD, NEW = "Europe/Berlin", "Asia/Kolkata"
HORIZON = day_start(local_day(NOW, OLD) - 9 * DAY, OLD)


@pytest.mark.parametrize("horizon", [HORIZON, None])
def test_charts_draw_a_seam_where_one_was_left(project, web, horizon):
    rows = [
        {"at": NOW - number * 3 * HOUR, "feature": "a", "latency_ms": 900.0, "cost_nano": 1_000_000}
        for number in range(1, 20 * 8)
    ]
    interactions(project, rows)
    for name, at in ((OLD, None), (NEW, horizon)):
        Project.objects.filter(pk=project.pk).update(time_zone=name, raw_horizon=at)
        roller.roll(NOW, only=[project.pk], everything=True)
    with sites.client(web, sites.person(project)) as asking:
        pages = {page: asking.get(f"/{project.slug}/{page}/?range=28d").text for page in ("health", "cost")}
    for page, html in pages.items():
        drawn = [
            (shape["x0"], label["text"])
            for figure in figures(html)
            for shape in figure["layout"].get("shapes", ())
            if shape["line"].get("dash") == "dash" and shape.get("yref") == "paper"
            for label in figure["layout"]["annotations"]
            if label["x"] == shape["x0"]
        ]
        if horizon is None:
            assert drawn == [], page
            assert "time zone changed" not in html, page
        else:
            at, text = drawn[0]
            assert text.split("<br>") == [" time zone changed: days before ", f" are days of {OLD} "], page
            local = HORIZON.astimezone(zone(NEW))
            assert at == f"{local:%Y-%m-%d %H:%M}", page
    if horizon:
        assert "time zone changed, not a whole day" in pages["health"]
