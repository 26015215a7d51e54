"""Rules: what is watched, its limits, and the switch to pause it."""

from collections.abc import Mapping
from dataclasses import dataclass

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from alerts import rules as doors
from alerts.limits import Measure
from alerts.models import AlertRule
from dashboards import formatting, judged
from dashboards.components import State, worst
from dashboards.pages.settings.frame import render
from dashboards.view import View, project_page
from observatory.metrics.definitions import METRICS

UNITS = {
    Measure.BUDGET: "times the budget of the feature's type",
    Measure.BASELINE_POINTS: "distance from the baseline as a share: 0.05 is 5 points",
    Measure.BASELINE_CHANGE: "change against the baseline: 0.25 is 25 %",
    Measure.PREVIOUS_CHANGE: "change against the window before: 0.20 is 20 %",
}
VALUES = {
    "ratio": "a share: 0.02 is 2 %",
    "ms": "milliseconds",
    "usd": "US dollars",
    "count": "how many",
    "per_1000": "for 1,000 calls",
}
STATES = {"no_data": State.NO_DATA, "unknown": State.NO_DATA}


class LimitsForm(forms.Form):
    """The two limits and the minimum sample of one rule."""

    warning = forms.FloatField(required=False)
    critical = forms.FloatField(required=False)
    minimum_sample = forms.IntegerField(min_value=0, max_value=10_000_000)


@dataclass(frozen=True)
class Listed:
    """One rule as the page shows it; without a form where its metric does not exist."""

    rule: AlertRule
    form: LimitsForm | None
    state: State
    about: str
    limits: str
    unit: str
    is_open: bool


def _rounded(limit: float | None) -> float | None:
    """Three significant digits, whole numbers without a point."""
    if limit is None:
        return None
    short = float(f"{limit:.3g}")
    return int(short) if short.is_integer() else short


def _form(rule: AlertRule, sent: Mapping[str, str] | None = None) -> LimitsForm:
    """Limits rounded to what one reads; what stays as shown is kept exactly as it was."""
    initial = {"warning": _rounded(rule.warning), "critical": _rounded(rule.critical)}
    initial["minimum_sample"] = rule.minimum_sample
    return LimitsForm(sent, initial=initial, prefix=f"rule-{rule.pk}")


def _limit_words(rule: AlertRule, limit: float) -> str:
    measure = Measure(rule.measure)
    if measure is Measure.BUDGET:
        return f"{limit:g}× the budget"
    if measure is Measure.BASELINE_POINTS:
        return f"{limit * 100:g} points {rule.side} the baseline"
    if measure is not Measure.VALUE:
        reference = "the baseline" if measure is Measure.BASELINE_CHANGE else "the window before"
        return f"{limit * 100:g}{formatting.NBSP}% {rule.side} {reference}"
    return formatting.value(limit, METRICS[rule.metric].unit if rule.metric in METRICS else "")


def _limits(rule: AlertRule) -> str:
    """'warning 2 %, critical 5 %, at least 50 events'."""
    words = [
        f"{name} {_limit_words(rule, limit)}"
        for name, limit in (("warning", rule.warning), ("critical", rule.critical))
        if limit is not None
    ]
    if rule.minimum_sample:
        words.append(f"at least {formatting.count(rule.minimum_sample)} events")
    return ", ".join(words)


def _about(rule: AlertRule, features: Mapping[int, str]) -> str:
    """'Error rate of every feature, over 15 min, judged every 5 min'."""
    one = features.get(rule.feature_number, "one feature")
    where = {"project": "the whole project", "every_feature": "every feature"}.get(rule.scope, one)
    window = formatting.duration(rule.window_minutes * 60_000)
    every = "once a day" if rule.every_minutes == 0 else f"every {formatting.duration(rule.every_minutes * 60_000)}"
    return f"{METRICS[rule.metric].title} of {where}, over {window}, judged {every}"


def _listed(rule: AlertRule, form: LimitsForm | None, features: Mapping[int, str]) -> Listed:
    is_measured = rule.metric in METRICS
    states = [STATES.get(word) or State(word) for word in map(judged.standing, rule.states.all())]
    verdicts = [one for one in states if one in judged.SHOWN]
    state = State.PAUSED if rule.is_paused else worst(verdicts or states) if states else State.LEARNING
    values = VALUES.get(METRICS[rule.metric].unit, METRICS[rule.metric].unit) if is_measured else ""
    return Listed(
        rule,
        (form or _form(rule)) if is_measured else None,
        state,
        _about(rule, features) if is_measured else "",
        _limits(rule) if is_measured else "",
        UNITS.get(Measure(rule.measure), values),
        form is not None,
    )


@project_page
def rules(view: View) -> HttpResponse:
    """Every rule; POST changes one rule's limits."""
    if view.request.method == "POST":
        return _change(view)
    return _show(view)


def _show(view: View, changed: tuple[int, LimitsForm] | None = None, status: int = 200) -> HttpResponse:
    found = AlertRule.objects.prefetch_related("states").order_by("name")
    listed = [
        _listed(rule, changed[1] if changed and changed[0] == rule.pk else None, view.feature_names) for rule in found
    ]
    context = {
        "active": [one for one in listed if not one.rule.is_paused],
        "paused": [one for one in listed if one.rule.is_paused],
        "is_fold_open": any(one.is_open for one in listed if one.rule.is_paused),
    }
    return render(view, "rules.html", context, status)


def _rule(number: str) -> AlertRule:
    try:
        return AlertRule.objects.get(pk=int(number))
    except (AlertRule.DoesNotExist, ValueError):
        raise Http404("no such rule in this project") from None


def _to(view: View, rule: AlertRule) -> HttpResponse:
    return redirect(reverse("settings-rules", args=[view.project.slug]) + f"#rule-{rule.pk}")


def _change(view: View) -> HttpResponse:
    rule = _rule(view.request.POST.get("rule", ""))
    form = _form(rule, view.request.POST)
    if form.is_valid():
        wanted = {**form.cleaned_data}
        for name in {"warning", "critical"} - set(form.changed_data):
            wanted[name] = getattr(rule, name)
        try:
            doors.change_limits(rule, **wanted)
        except doors.RuleError as error:
            form.add_error(error.field if error.field in form.fields else None, str(error))
        else:
            messages.success(view.request, f"{rule.name}: the next window is judged by the new limits.")
            return _to(view, rule)
    return _show(view, (rule.pk, form), status=400)


@require_POST
@project_page
def switch(view: View, rule_id: int) -> HttpResponse:
    """Pause a rule, or judge it again from now on."""
    rule = _rule(str(rule_id))
    try:
        if rule.is_paused:
            doors.resume(rule, view.now)
        else:
            doors.pause(rule, view.now, by=view.request.user.get_username())
        messages.success(view.request, f"{rule.name} is {'paused' if rule.is_paused else 'watched again'}.")
    except doors.RuleError as error:
        messages.error(view.request, f"{rule.name} stays paused: {error}.")
    return _to(view, rule)
