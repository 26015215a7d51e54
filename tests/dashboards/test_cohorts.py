"""Who stays, in words and shades: what is known, too small, under way, ahead, and too young."""

from dataclasses import replace
from datetime import date

import pytest

from dashboards import cohorts, voices
from dashboards.cohorts import DARKEST
from dashboards.components import Link, State
from ingest.timeline import DAY
from observatory.metrics.people_reader import CohortTable
from observatory.metrics.reading import Reading
from observatory.metrics.reading import State as Known
from observatory.metrics.retention import Cohort, Retention

FIRST = date(2026, 9, 7)
LAST = date(2026, 9, 30)
HOW = Link("How to send it", "/api/docs/#post_users")


def week(number: int, users: int, *active: int) -> Cohort:
    return Cohort(FIRST + 7 * number * DAY, FIRST + (7 * number + 6) * DAY, users, active)


TABLE = CohortTable("week", (week(-1, 0, 0, 0, 0, 0), week(0, 200, 200, 100, 50), week(1, 40, 38, 10), week(2, 7, 7)), (), is_complete=True)  # fmt: skip


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


def test_cells_hold_the_share_and_what_it_rests_on_and_the_largest_later_one_is_darkest() -> None:
    first, second, _ = cohorts.rows(cohorts.shown(TABLE), "week")
    assert [plain(cell.text) for cell in first.cells] == ["100 %", "50 %", "25 %"]
    assert [cell.level for cell in first.cells] == [DARKEST, DARKEST, DARKEST // 2]
    assert first.cells[1].title == "100 of 200 users"
    assert (plain(first.name), first.users) == ("7 Sep", "200")
    assert plain(second.cells[1].text) == "25 %"


def test_what_is_under_way_or_ahead_or_too_small_is_no_share_like_the_others() -> None:
    first, second, thin = cohorts.rows(cohorts.shown(TABLE), "week")
    assert [cell.state for cell in first.cells] == ["", "", "open"]
    assert first.cells[2].title == "50 of 200 users, so far"
    assert [(cell.state, cell.text, cell.title) for cell in second.cells[2:]] == [("ahead", "", "not yet")]
    assert (thin.cells[0].state, thin.cells[0].text, thin.learning) == ("thin", "", "Learning · 7 of 20")
    assert thin.cells[0].title == "too few: 7 of 20 users"


def test_weeks_before_anybody_came_are_left_out() -> None:
    assert [one.first for one in cohorts.shown(TABLE)] == [FIRST + 7 * n * DAY for n in range(3)]
    assert cohorts.shown(CohortTable("week", (week(0, 0, 0),), (), is_complete=True)) == []
    assert cohorts.rows([], "week") == ()


def test_the_table_for_csv_has_counts_and_leaves_what_is_ahead_empty() -> None:
    table = cohorts.table(TABLE)
    assert table.rows[1] == ("2026-09-14", "2026-09-20", 40, 38, 10, None)
    assert len(table.columns) == 6


@pytest.mark.parametrize(
    ("first_day", "today", "expected"),
    [
        (None, LAST, "week"),
        (date(2026, 7, 13), LAST, "week"),
        (date(2026, 7, 12), LAST, "month"),
        (date(2026, 7, 13), date(2026, 10, 4), "week"),
        (date(2026, 7, 13), date(2026, 10, 5), "month"),
    ],
)
def test_a_project_is_seen_by_weeks_while_they_hold_all_of_it(
    first_day: date | None, today: date, expected: str
) -> None:
    assert cohorts.period_for(first_day, today) == expected


def test_retention_stands_beside_those_without() -> None:
    known = cohorts.kept(Retention(30, LAST, 100, 80, 240, 144), FIRST, HOW)
    assert (plain(known.value), known.state, known.link) == ("80.0 %", None, None)
    assert plain(" / ".join(known.lines)) == "95 %: 71.1–86.7, n = 100 / without AI: 60.0 % of 240"


@pytest.mark.parametrize(
    ("one", "first_day", "state", "words"),
    [
        (Retention(60, LAST, 0, 0, 0, 0), FIRST, State.NO_DATA, "too young: from 7 Nov on"),
        (Retention(30, LAST, 0, 0, 0, 0), FIRST - 90 * DAY, State.NO_DATA, "nobody came 30 to 59 days before"),
        (Retention(30, LAST, 0, 0, 0, 0), None, State.NO_DATA, "nobody has called yet"),
        (Retention(30, LAST, 12, 12, 0, 0), FIRST, State.LEARNING, ""),
    ],
)
def test_retention_that_is_unknown_says_why(one: Retention, first_day: date | None, state: State, words: str) -> None:
    told = cohorts.kept(one, first_day, HOW)
    assert told.value == "—"
    assert told.state is state
    assert plain(" ".join(told.lines)) == words
    assert told.word == ("Learning · 12 of 20" if state is State.LEARNING else "")


def test_a_missing_control_group_is_said_with_how_to_send_it() -> None:
    told = cohorts.kept(Retention(30, LAST, 100, 80, 0, 0), FIRST, HOW)
    assert "not sent yet" in told.lines[1]
    assert told.link == HOW


def test_the_first_row_of_a_young_project_is_not_taken_for_newcomers() -> None:
    assert "who had called before counts in the first row" in " ".join(cohorts.footnotes(TABLE, FIRST + DAY))
    assert "who had called before" not in " ".join(cohorts.footnotes(TABLE, FIRST - 90 * DAY))
    waiting = CohortTable("week", TABLE.cohorts, (), is_complete=False)
    assert "still being counted" in " ".join(cohorts.footnotes(waiting, FIRST))


def test_a_table_without_its_older_cohorts_says_where_they_are_before_they_are_counted() -> None:
    waiting = replace(TABLE, earlier=None)
    assert "Older" not in " ".join(cohorts.footnotes(waiting, TABLE.cohorts[0].first))
    before = TABLE.cohorts[0].first - DAY
    assert "Older cohorts, before 31 Aug: by month." in plain(" ".join(cohorts.footnotes(waiting, before)))


@pytest.mark.parametrize(
    ("earlier", "period", "told"),
    [
        (1240, "week", ["Older cohorts, before 31 Aug: 1,240 users, by month."]),
        (1, "month", ["Older cohorts, before Aug 2026: 1 user, not in this table."]),
        (0, "week", []),
        (None, "week", []),
    ],
)
@pytest.mark.parametrize("is_empty", [False, True])
def test_cohorts_of_users_who_are_known_from_activations_alone_are_older_ones(
    earlier: int | None, period: str, told: list[str], is_empty: bool
) -> None:
    of = {"week": TABLE.cohorts, "month": (Cohort(date(2026, 8, 1), date(2026, 8, 31), 200, (200,)),)}[period]
    shown = tuple(Cohort(one.first, one.last, 0, (0,)) for one in of) if is_empty else of
    table = CohortTable(period, shown, (), is_complete=True, earlier=earlier)
    said = [plain(text) for text in cohorts.footnotes(table, FIRST + DAY)]
    assert [text for text in said if "Older" in text] == told
    assert not is_empty or said == told


def test_those_who_had_called_before_are_in_the_row_of_the_first_known_call() -> None:
    assert "counts in the row 14 Sep, unless" in plain(" ".join(cohorts.footnotes(TABLE, FIRST + 8 * DAY)))


def score(value: float, half: float) -> Reading:
    return Reading(Known.OK, value, (value - half, value + half), 100)


def test_two_scores_are_apart_when_the_interval_of_their_difference_is() -> None:
    near = voices.sentence(score(0.24, 0.14), score(0.1, 0.1))
    assert near == "AI users minus those without: +14 points (−3 to +31): both may be the same."
    far = voices.sentence(score(0.4, 0.1), score(0.1, 0.1))
    assert far.endswith("+30 points (+16 to +44): AI users recommend it more.")
    assert voices.sentence(score(0.4, 0.1), Reading(Known.LEARNING, sample_size=3)) == ""
