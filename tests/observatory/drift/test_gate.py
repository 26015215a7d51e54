"""The drift gate: the benchmark's promises with fewer runs and the same bounds, and proof that it sees defects."""

import dataclasses

from observatory.drift.methods import engine, rates
from tests.bench import drift

FIT, FOLD = rates.fit, rates.fold


def broken(rows):
    return [str(row) for row in rows if not row.is_kept]


def test_b1_unchanged_ratings_rarely_alarm():
    assert broken(drift.false_alarms(200)) == []


def test_b2_a_slow_slide_is_found_in_time():
    assert broken(drift.slow_slides(60)) == []


def test_b12_sixty_unchanged_series_stay_quiet():
    assert broken(drift.many_series(100)) == []


def test_b15_a_refold_gives_the_same_bytes():
    assert broken(drift.refolds(40)) == []


def test_the_gate_sees_an_alarm_that_ignores_how_often_it_is_read(monkeypatch):
    monkeypatch.setattr(engine, "FALSE_ALARM_DAYS", 1)
    assert broken(drift.false_alarms(100, volumes=[100]))


def test_the_gate_sees_a_baseline_that_takes_each_rating_for_a_person(monkeypatch):
    def without_design_effect(days):
        fitted = FIT(days)
        return dataclasses.replace(fitted, phi=1.0, se0=fitted.se0 / fitted.phi**0.5)

    monkeypatch.setattr(rates, "fit", without_design_effect)
    assert broken(drift.false_alarms(100, people=drift.STRESS["few users rate most"], volumes=[1000]))


def test_the_gate_sees_a_detector_that_is_too_timid(monkeypatch):
    monkeypatch.setattr(rates, "LARGEST_MARGIN", 0.05)
    assert broken(drift.slow_slides(40, volumes=[100]))


def test_the_gate_sees_a_fold_that_looks_ahead(monkeypatch):
    def looking_ahead(baseline, days, sides):
        later = dataclasses.replace(FIT(days), last_day=baseline.last_day)
        return FOLD(later, days, sides)

    monkeypatch.setattr(rates, "fold", looking_ahead)
    assert broken(drift.refolds(3))
