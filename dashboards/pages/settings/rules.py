"""Rules: what is watched, its limits, and the switch to pause it."""

from dataclasses import dataclass

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from alerts import rules as doors
from alerts.limits import Measure
from alerts.models import AlertRule
from dashboards import formatting
from dashboards.components import State, worst
from dashboards.pages.settings.frame import render
from dashboards.view import View, project_page
from ingest import dictionary
from ingest.dimensions import Dimension
from observatory.metrics.definitions import METRICS

UNITS = {
    Measure.BUDGET: "times the budget of the feature's type",
    Measure.BASELINE_POINTS: "as a share, from the baseline (0.05 is 5 points)",
    Measure.BASELINE_CHANGE: "relative to the baseline (0.25 is 25 %)",
    Measure.PREVIOUS_CHANGE: "relative to the window before (0.20 is 20 %)",
}


class LimitsForm(forms.Form):
    """The two limits and the minimum sample of one rule."""

    warning = forms.FloatField(required=False)
    critical = forms.FloatField(required=False)
    minimum_sample = forms.IntegerField(min_value=0, max_value=10_000_000)


@dataclass(frozen=True)
class Listed:
    """One rule as the page shows it."""

    rule: AlertRule
    form: LimitsForm
    state: State
    about: str
    unit: str


def _listed(rule: AlertRule, form: LimitsForm | None, features: dict[int, str]) -> Listed:
    states = [one.state.replace("_", "-").replace("unknown", "no-data") for one in rule.states.all()]
    state = State.PAUSED if rule.is_paused else worst([State(one) for one in states]) if states else State.LEARNING
    where = {"project": "the whole project", "every_feature": "every feature"}.get(rule.scope) or features.get(
        rule.feature_number, "one feature"
    )
    window = formatting.duration(rule.window_minutes * 60_000)
    every = "once a day" if rule.every_minutes == 0 else f"every {formatting.duration(rule.every_minutes * 60_000)}"
    title = METRICS[rule.metric].title if rule.metric in METRICS else "not measured yet"
    unit = UNITS.get(
        Measure(rule.measure), f"in the metric's unit ({METRICS[rule.metric].unit})" if rule.metric in METRICS else ""
    )
    initial = {"warning": rule.warning, "critical": rule.critical, "minimum_sample": rule.minimum_sample}
    return Listed(
        rule,
        form or LimitsForm(initial=initial, prefix=str(rule.pk)),
        state,
        f"{title} of {where}, {rule.side} the limits, over {window}, judged {every}",
        unit,
    )


@project_page
def rules(view: View) -> HttpResponse:
    """Every rule; POST changes one rule's limits."""
    if view.request.method == "POST":
        return _change(view)
    return _show(view)


def _show(view: View, changed: tuple[int, LimitsForm] | None = None, status: int = 200) -> HttpResponse:
    features = dictionary.values(Dimension.FEATURE)
    found = AlertRule.objects.prefetch_related("states").order_by("is_paused", "name")
    listed = [_listed(rule, changed[1] if changed and changed[0] == rule.pk else None, features) for rule in found]
    return render(view, "rules.html", {"rules": listed}, status)


def _rule(number: str) -> AlertRule:
    try:
        return AlertRule.objects.get(pk=int(number))
    except (AlertRule.DoesNotExist, ValueError):
        raise Http404("no such rule in this project") from None


def _change(view: View) -> HttpResponse:
    rule = _rule(view.request.POST.get("rule", ""))
    form = LimitsForm(view.request.POST, prefix=str(rule.pk))
    if form.is_valid():
        try:
            doors.change_limits(rule, **form.cleaned_data)
        except doors.RuleError as error:
            form.add_error(error.field if error.field in form.fields else None, str(error))
        else:
            messages.success(view.request, f"{rule.name}: the next window is judged by the new limits.")
            return redirect("settings-rules", slug=view.project.slug)
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
    return redirect("settings-rules", slug=view.project.slug)
