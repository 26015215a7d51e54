"""The style page: every component in every state, from invented numbers. Pure, so that tests draw it too."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from dashboards import components as c
from dashboards import style_people
from dashboards.charts.bars import Plan, bars_pair, columns, cost_bars
from dashboards.charts.curves import evidence, lorenz, lorenz_points
from dashboards.charts.data import Band, Bin, Chart, Frame, Group, Limit, Mark, Point, Size, Span, Volume
from dashboards.charts.groups import latency, lines_by_group
from dashboards.charts.projected import Sum, projected
from dashboards.charts.sparkline import Sparkline, sparkline
from dashboards.charts.timeseries import Around, timeseries

NOW = datetime(2026, 8, 28, 14, 0, 40, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
_END = datetime(2026, 8, 28, tzinfo=UTC)
_BAND = Band(0.752, 0.726, 0.778)
_RATE_LIMITS = (Limit(0.702, "warning"), Limit(0.652, "critical"))


def frame(days: int, size: Size = "normal") -> Frame:
    """So many days up to today."""
    return Frame(_END - days * DAY, _END, DAY, UTC, size)


def wave(day: int, seed: float) -> float:
    """Smooth noise between −1 and 1, the same on every call."""
    return (math.sin(day * 1.7 + seed) + math.sin(day * 0.61 + 2 * seed) + math.sin(day * 3.1 + 3 * seed)) / 3


def rates(days: int, start: float, end: float, seed: float, n: int = 1300) -> list[Point]:
    """A rate that slides in its middle third; the last day is still open."""
    points = []
    for day in range(days):
        slide = min(1.0, max(0.0, (day - days / 3) / (days / 3)))
        value = start + (end - start) * slide + 0.012 * wave(day, seed)
        half = 1.96 * math.sqrt(max(value * (1 - value), 0.0001) / n)
        at = _END - (days - day) * DAY
        points.append(Point(at, value, max(0, value - half), value + half, n + day, mature=day < days - 1))
    return points


def amounts(days: int, level: float, seed: float) -> list[Point]:
    """A daily amount with quiet week-ends; the last day is still open."""
    points = []
    for day in range(days):
        at = _END - (days - day) * DAY
        rest = 0.55 if at.weekday() >= 5 else 1.0
        points.append(Point(at, level * rest * (1 + 0.12 * wave(day, seed)), n=900, complete=day < days - 1))
    return points


def drift_chart() -> Chart:
    """The large chart of a finding."""
    baseline = Span(_END - 60 * DAY, _END - 32 * DAY, "baseline, 28 days", "baseline")
    beginning = Span(_END - 27 * DAY, _END - 22 * DAY, "visible around 3 Aug", "beginning", at=_END - 25 * DAY)
    marks = (Mark(_END - 47 * DAY, "web 2026.28"), Mark(_END - 23 * DAY, "Iberia launch"))
    volume = Volume("ratings a day", amounts(60, 220, 1.0))
    around = Around(_BAND, marks=marks, spans=(baseline, beginning), volume=volume, last=True)
    return timeseries(frame(60, "tall"), "Thumbs-up rate", "ratio", rates(60, 0.752, 0.654, 1.0), around)


def thumbs_chart() -> Chart:
    """A rate with everything that a dashboard draws around it."""
    incident = Span(_END - 6 * DAY, _END, "Incident 311", "incident", "/incidents/311")
    around = Around(_BAND, _RATE_LIMITS, (Mark(_END - 14 * DAY, "prompt v12"),), (incident,))
    return timeseries(frame(28), "Thumbs-up rate", "ratio", rates(28, 0.70, 0.654, 2.0), around)


def gap_chart() -> Chart:
    """Gaps, thin samples, the period before, and days of another time zone."""
    points = [p for p in rates(28, 0.118, 0.155, 3.0) if p.at != _END - 19 * DAY]
    points[3:6] = [Point(p.at, p.value, 0.05, 0.26, 12) for p in points[3:6]]
    points[16] = replace(points[16], value=0.096, seam=True)
    seam = Mark(points[16].at + 7 * HOUR, "time zone changed: days before", "are days of Asia/Tokyo", "seam")
    before = [Point(p.at, (p.value or 0) - 0.02) for p in rates(28, 0.12, 0.12, 4.0)]
    around = Around(Band(0.12), (Limit(0.15, "warning"), Limit(0.18, "critical")), (seam,), previous=before)
    return timeseries(frame(28), "Correction rate", "ratio", points, around)


def model_chart() -> Chart:
    """Seven models: five and the rest. One of them has a hostile name."""
    names = ("gpt-4-1106-preview", "claude-2.1", "gpt-3.5-turbo-1106", "Llama-2-70b-chat", "<b>bold</b><script>")
    levels = (0.83, 0.76, 0.70, 0.44, 0.61)
    groups = [
        Group(n, rates(28, v, v - 0.02, i, 500 - 60 * i)) for i, (n, v) in enumerate(zip(names, levels, strict=True))
    ]
    groups += [Group("mixtral", rates(28, 0.68, 0.66, 6.0, 40)), Group("vicuna", rates(28, 0.5, 0.5, 7.0, 20))]
    return lines_by_group(frame(28), "Thumbs-up rate", "ratio", groups)


def latency_chart() -> Chart:
    """Three lines of one hue under the budgets of an on-demand feature."""
    hours = Frame(NOW.replace(minute=0, second=0) - timedelta(hours=24), NOW, timedelta(hours=1), UTC)
    levels = (("p50", 1900.0), ("p95", 6100.0), ("p99", 9400.0))
    groups = [
        Group(
            name,
            [
                Point(hours.start + timedelta(hours=h), level * (1 + 0.2 * wave(h, level)), n=700, complete=h < 24)
                for h in range(25)
            ],
        )
        for name, level in levels
    ]
    return latency(hours, groups, (Limit(3000, "warning", "p50 budget 3 s"), Limit(8000, "warning", "p95 budget 8 s")))


def cost_chart() -> Chart:
    """Daily cost by component, and the month so far against its plan."""
    levels = (("model tokens", 48.0), ("retrieval", 11.0), ("moderation", 5.0), ("infrastructure", 8.0))
    groups = [Group(name, amounts(28, level, level)) for name, level in levels]
    total, actual, plan = 0.0, [], []
    for day in range(28):
        total += sum(group.points[day].value or 0 for group in groups)
        actual.append(Point(groups[0].points[day].at, total))
        plan.append(Point(groups[0].points[day].at, 68.0 * (day + 1)))
    return cost_bars(frame(28, "tall"), groups, Plan(actual, plan), (Mark(_END - 9 * DAY, "price change"),))


def heading_chart() -> Chart:
    """The month against its plan, ten days before its end."""
    sums = [Sum(_END - (20 - day) * DAY, 41.0 * (day + 1), 36.0 * (day + 1)) for day in range(20)]
    sums[-1] = Sum(_END - DAY, 820.0, 720.0, 820.0, (820.0, 820.0), (820.0, 820.0))
    for day in range(10):
        mean, half = 820 + 42.0 * (day + 1), 9.0 * (day + 1)
        ends = ((mean - half, mean + half), (mean - 1.6 * half, mean + 1.6 * half))
        sums.append(Sum(_END + day * DAY, 834.0 if day == 0 else None, 36.0 * (day + 21), mean, *ends, complete=False))
    whole = Frame(_END - 20 * DAY, _END + 10 * DAY, DAY, UTC)
    return projected(whole, "This month against its plan", "usd", sums, _END + 6 * DAY)


def distribution_chart() -> Chart:
    """Grouped bars."""
    labels = ("0–250", "250–500", "500–1k", "1k–2k", "2k–4k", "4k–8k", "8k+")
    pairs = ((0.08, 0.08), (0.19, 0.18), (0.31, 0.27), (0.24, 0.25), (0.12, 0.14), (0.04, 0.06), (0.02, 0.02))
    bins = [Bin(label, before, now) for label, (before, now) in zip(labels, pairs, strict=True)]
    return bars_pair("Prompt length", bins, "baseline", "last 7 days", frame(7))


def evidence_chart() -> Chart:
    """The gauge of a detector over time."""
    points = [Point(_END - d * DAY, min(160.0, 1.5 * math.exp((47 - d) / 7)), n=200) for d in range(52, 0, -1)]
    baseline = Span(_END - 60 * DAY, _END - 52 * DAY, "baseline", "baseline")
    return evidence(frame(60, "low"), points, baseline, _END - 18 * DAY)


def charts() -> dict[str, Chart]:
    """Each kind of chart once, by the id of its panel."""
    return {
        "thumbs": thumbs_chart(),
        "correction": gap_chart(),
        "models": model_chart(),
        "latency": latency_chart(),
        "calls": columns(frame(28), "Calls a day", "calls", amounts(28, 4200, 5.0), Around(Band(3900, 2400, 4600))),
        "distribution": distribution_chart(),
        "lorenz": lorenz("Cost by user", lorenz_points([1.06**i for i in range(100)]), frame(28)),
        "evidence": evidence_chart(),
        "cost": cost_chart(),
        "heading": heading_chart(),
        "drift": drift_chart(),
    }


NOTES = {
    "thumbs": ("Thumbs-up rate", "7 days rolling, 95 % interval, n = 1,300–1,327"),
    "correction": ("Correction rate", "daily; nothing received on 9 Aug"),
    "models": ("Thumbs-up rate by model", "7 d, top 5 of 7, rest as other"),
    "latency": ("Latency, write-draft", "last 24 h, hourly; on demand"),
    "calls": ("Calls", "daily, grey: usual range"),
    "distribution": ("Prompt length against baseline", "characters, JS 0.03, no finding, n = 13,040"),
    "lorenz": ("Who causes the cost", "August, 4,790 users"),
    "evidence": ("Evidence", "60 days; 100 opens a finding"),
    "cost": ("Cost by component", "daily; below: August against the plan"),
    "heading": ("This month against its plan", "August, running sum"),
    "drift": ("Thumbs-up rate, 7 days rolling", "95 % interval; grey: normal range; n = 4,210"),
}


def panels() -> list[c.Panel]:
    """Every chart in its panel."""
    drawn = charts().items()
    return [c.Panel(name, *NOTES[name], chart=chart, csv_url=f"/style/{name}.csv") for name, chart in drawn]


def unhappy_panels() -> list[c.Panel]:
    """Loading, error, and the five kinds of empty: all of one height."""
    curl = "curl https://observatory.example.com/api/v1/interactions \\\n"
    curl += '  -H "Authorization: Bearer $OBSERVATORY_KEY" \\\n'
    curl += '  -d \'{"feature": "write-draft", "model": "gpt-4o"}\''
    later = "At 3 ratings a day the rate appears around 10 Sep."
    return [
        c.Panel("loading", "Loading", "same height, no jump", load_url="/style/slow"),
        c.Panel("error", "Cost forecast", error="7f3a", retry_url="/style/retry"),
        c.Panel("none", "Interactions", empty=c.nothing_received(curl, "/docs/")),
        c.Panel("window", "Error rate", empty=c.nothing_in_window("3 May 14:20", "/health?to=2026-05-03")),
        c.Panel(
            "instrument",
            "Task completion",
            "not instrumented",
            empty=c.not_instrumented("outcome feedback", "write-draft", "/docs/"),
        ),
        c.Panel("enough", "Thumbs-up rate, summarize-es", "learning", empty=c.not_enough(62, 100, "ratings", later)),
        c.Panel(
            "baseline", "Against baseline", empty=c.no_baseline("The first one is accepted after 28 days.", "/settings")
        ),
    ]


def _line(start: float, end: float, seed: float, band: Band | None = None) -> Sparkline | None:
    return sparkline(rates(28, start, end, seed), band, "31 Jul", "27 Aug")


def tiles() -> list[c.Tile]:
    """One tile a state."""
    about = "up / (up + down) over 7 days; each thumb counts on the day of its interaction"
    return [
        c.Tile(
            "Thumbs-up rate, 7 d",
            "65.4 %",
            "thumbs",
            c.State.CRITICAL,
            "",
            ("▼ 9.8 pp below baseline 75.2 %", "n = 1,512"),
            about,
            "/quality",
            _line(0.70, 0.654, 2.0, _BAND),
        ),
        c.Tile(
            "Correction rate, 7 d",
            "15.3 %",
            "corrections",
            c.State.WARNING,
            "",
            ("▲ 28 % above baseline 12.0 %", "n = 13,040"),
            sparkline=_line(0.12, 0.155, 3.0, Band(0.12, 0.11, 0.135)),
        ),
        c.Tile(
            "Flag rate, 7 d",
            "0.80 %",
            "flags",
            c.State.OK,
            "",
            ("▲ 0.1 pp above baseline 0.70 %", "n = 13,040"),
            sparkline=_line(0.2, 0.2, 5.0, Band(0.2, 0.19, 0.21)),
        ),
        c.Tile(
            "Rating mean",
            "—",
            "rating",
            c.State.LEARNING,
            c.learning_word(96, 200),
            ("At 12 ratings a day: around 5 Sep",),
        ),
        c.Tile("Task completion", "—", "tasks", c.State.NO_DATA, "", ("No outcome feedback received",)),
        c.Tile("Review queue", "—", "review", c.State.PAUSED, "", ("Not instrumented yet",)),
        c.Tile("Daily active users", "412", "dau", None, "", ("▲ 3.1 % against the week before",), as_of="13:00"),
    ]


def cards() -> list[c.Card]:
    """The overview's four, two of them here."""
    health = c.Tile(
        "Availability, last 24 h",
        "99.61 %",
        lines=("▼ 0.05 pp below baseline 99.66 %", "n = 16,906 calls"),
        sparkline=_line(0.2, 0.2, 9.0, Band(0.2, 0.19, 0.21)),
    )
    quality = c.Tile(
        "Thumbs-up rate, write-draft, 7 d",
        "65.4 %",
        lines=("▼ 9.8 pp below baseline 75.2 %", "n = 1,512"),
        sparkline=_line(0.75, 0.654, 2.0, _BAND),
    )
    return [
        c.Card(
            "Health",
            health,
            c.State.OK,
            (
                c.Fact("Latency p95, write-draft", "6.1 s", "budget 8 s"),
                c.Fact("Error rate, 24 h", "0.52 %", "warning 2 %"),
            ),
            c.Link("Open Health", "/health"),
            "health",
        ),
        c.Card(
            "Quality",
            quality,
            c.State.CRITICAL,
            (
                c.Fact("Escalations, 24 h", "9", "critical 5", c.State.CRITICAL),
                c.Fact("Correction rate, 7 d", "15.3 %", "warning 15 %", c.State.WARNING),
            ),
            c.Link("Open Quality", "/quality"),
            "quality",
        ),
    ]


def breakdown() -> c.Breakdown:
    """Four features."""
    headings = (
        c.Heading("Feature"),
        *(c.Heading(t, True) for t in ("Interactions", "Thumbs-up", "Against baseline", "p95")),
        c.Heading("State"),
    )
    shown = (
        ("write-draft", "51,930", "65.4 %", "−9.8 pp", "6.1 s", c.State.CRITICAL, ""),
        ("autocomplete", "412,608", "81.4 %", "+0.3 pp", "1.2 s", c.State.OK, ""),
        ("<i>analyze-doc</i>", "8,204", "74.0 %", "−0.9 pp", "24.8 s", c.State.OK, ""),
        ("summarize-es", "504", "—", "—", "3.4 s", c.State.LEARNING, c.learning_word(62, 100)),
    )
    rows = tuple(
        c.Row((c.Field(name, "/quality"), *(c.Field(text) for text in texts), c.Field(word or state.word, state=state)))
        for name, *texts, state, word in shown
    )
    return c.Breakdown(
        "features", "By feature", headings, rows, "28 days; thumbs-up 7 days", csv_url="/style/features.csv"
    )


def filters() -> c.Filters:
    """What the toolbar of most pages holds."""
    ranges = tuple(c.Option(f"{n}d", f"Last {n} days", n == 28) for n in (1, 7, 28, 90))
    features = (c.Option("", "All features"), c.Option("write-draft", "write-draft", True))
    return c.Filters((c.Filter("feature", "Feature", features), c.Filter("range", "Range", ranges, "range")))


def words() -> dict[str, object]:
    """What is told in sentences: notices, verdicts, a log, gauges."""
    reason = "Thumbs-up has been sliding since around 3 Aug, and 9 conversations were escalated in the last 24 h."
    return {
        "notices": [
            c.Notice(
                c.State.CRITICAL,
                "Escalations: 9 in 24 h on write-draft, critical from 5 · open 2 h 5 min",
                (c.Link("Incident 318", "/incidents/318"), c.Link("Acknowledge", "/incidents/318#acknowledge")),
            ),
            c.Notice(c.State.WARNING, "There is no feature “write-drift”; showing all features.", word="Note"),
        ],
        "verdict": c.Verdict(
            c.State.CRITICAL,
            "Answers of write-draft are getting worse",
            "2 critical, 1 warning.",
            reason,
            "3 open incidents",
        ),
        "calm": c.Verdict(
            c.State.OK, "No open incidents", "All is well.", "Health, Quality and Cost are OK.", id="calm"
        ),
        "entries": [
            c.Entry(NOW - DAY, "deploy", "Web app 2026.34, all features"),
            c.Entry(NOW - 14 * DAY, "prompt", "write-draft prompt v12: shorter greeting", url="/drift"),
            c.Entry(
                NOW - 36 * DAY, "model", "gpt-4-1106-preview 31 to 12 %", "Noticed by Observatory, announced by nobody"
            ),
        ],
        "gauges": [
            c.Gauge(0.68, c.State.OK, "5.42 of 8 seconds", 0.375),
            c.Gauge(0.92, c.State.WARNING, "92 of 100"),
            c.Gauge(1, c.State.CRITICAL, "100 of 100"),
        ],
    }


def context() -> dict[str, object]:
    """Everything that style.html shows."""
    names = ("Overview", "Health", "Quality", "Cost", "Engagement", "Drift", "Incidents", "Interactions")
    nav = tuple(
        c.NavItem(n, "/" + n.lower(), n == "Quality", k, 3 if n == "Incidents" else 0)
        for n, k in zip(names, "ohqcedis", strict=True)
    )
    projects = (c.Link("Support assistant", "/style"), c.Link("Search", "/style?project=search"))
    tools = (c.NavItem("Status", "/status"), c.NavItem("Settings", "/settings"))
    facts = ("complete to 14:00 UTC", "feedback mature to 27 Aug", "baseline n = 4,210")
    return {
        "now": NOW,
        "zone": UTC,
        "states": list(c.State),
        "themes": ("light", "dark"),
        "tiles": tiles(),
        "cards": cards(),
        "panels": panels(),
        "unhappy": unhappy_panels(),
        "breakdown": breakdown(),
        "filters": filters(),
        "shell": c.Shell(
            "Support assistant", nav, tools, projects, "Maya", "/sign-out", "/interactions", c.State.CRITICAL, 3
        ),
        "strip": c.Strip(
            c.State.CRITICAL, "3 open incidents", "/incidents", facts, NOW - timedelta(seconds=40), open_incidents=3
        ),
        **words(),
        **style_people.context(),
        "pages": c.Pages("/interactions?before=1", "/interactions?after=9", "14 Aug 09:10 to 28 Aug 11:57"),
    }
