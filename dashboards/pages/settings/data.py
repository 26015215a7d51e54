"""The project's data: what is stored of texts, how long everything is kept, and who may send how much."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import redirect

from dashboards import formatting
from dashboards.pages.settings.frame import render
from dashboards.view import View, project_page
from ingest.projects.models import Project
from ingest.projects.origins import read_origins
from ingest.retention.horizons import MOST_DAYS

FEWEST_RAW_DAYS = 7
POLICIES = (
    (Project.TextPolicy.FULL.value, "In full: as apps send them."),
    (
        Project.TextPolicy.MASKED.value,
        "Masked: e-mail addresses, telephone and card numbers, IBANs, IP addresses and API keys are replaced by words like [email].",
    ),
    (
        Project.TextPolicy.HASHED.value,
        "Hash only: no text at all. Lengths, words, descriptors and edit ratios are still counted.",
    ),
)


class ProjectPart(forms.ModelForm):  # type: ignore[type-arg]  # generic for the type checker only
    """Some of a project's settings; only their columns are written."""

    def keep(self) -> None:
        """Store what was chosen."""
        self.instance.save(update_fields=list(self.Meta.fields))

    class Meta:
        model = Project
        fields: tuple[str, ...] = ()


class TextsForm(ProjectPart):
    """What is stored of texts."""

    text_policy = forms.ChoiceField(
        label="Prompts, outputs, corrections, comments and metadata are stored",
        choices=POLICIES,
        widget=forms.RadioSelect,
        help_text="Counts for what comes from now on, within five seconds. What is stored stays as it is; what was not stored cannot be had back.",
    )

    class Meta(ProjectPart.Meta):
        fields = ("text_policy",)


class KeepingForm(ProjectPart):
    """How long everything is kept, in days."""

    text_days = forms.IntegerField(
        label="Texts (days)",
        min_value=1,
        max_value=MOST_DAYS,
        help_text="Then prompts, outputs and comments go; their numbers stay.",
    )
    raw_days = forms.IntegerField(
        label="Interactions, feedback and costs (days)", min_value=FEWEST_RAW_DAYS, max_value=MOST_DAYS,
        help_text="Then single records go, and what comes late for older days is no longer counted; charts stay.",
    )  # fmt: skip
    rollup_days = forms.IntegerField(
        label="Charts (days)",
        min_value=FEWEST_RAW_DAYS,
        max_value=MOST_DAYS,
        required=False,
        help_text="Empty: for ever.",
    )
    is_agreed = forms.BooleanField(
        label="Delete what is older than a shorter time",
        required=False,
        help_text="Needed when a time gets shorter: it begins within seconds of Save and cannot be undone.",
    )

    class Meta(ProjectPart.Meta):
        fields = ("text_days", "raw_days", "rollup_days")

    def clean(self) -> dict[str, Any]:
        """Texts go first, then records, then charts; and nothing goes unawares."""
        chosen: dict[str, Any] = super().clean() or self.cleaned_data
        texts, raw, charts = (chosen.get(name) for name in self.Meta.fields)
        if texts and raw and texts > raw:
            self.add_error("text_days", f"A text cannot be kept longer than its interaction: at most {raw} days.")
        if raw and charts and charts < raw:
            self.add_error("rollup_days", f"Charts are made of the records: at least {raw} days, or empty for ever.")
        is_shorter = any(
            (chosen.get(name) or MOST_DAYS + 1) < (self.initial.get(name) or MOST_DAYS + 1) for name in self.Meta.fields
        )
        if not self.errors and is_shorter and not chosen.get("is_agreed"):
            box = self.fields["is_agreed"].label
            self.add_error(
                "is_agreed", f"Something would be deleted, beginning at once: tick “{box}” to say that it may."
            )
        return chosen


class SendingForm(ProjectPart):
    """From where browsers may post, and how much anybody may send."""

    cors_origins = forms.CharField(
        label="Origins of browsers with feedback keys", required=False, max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 3, "placeholder": "https://app.example.com"}),
        help_text="One a line. Pages of other origins are refused; without any, all are. Servers need none.",
    )  # fmt: skip
    events_per_second = forms.IntegerField(label="Events a second", min_value=1, max_value=1_000_000, required=False)
    bytes_per_second = forms.IntegerField(
        label="Bytes a second", min_value=10_000, max_value=10_000_000_000, required=False
    )

    class Meta(ProjectPart.Meta):
        fields = ("cors_origins", "events_per_second", "bytes_per_second")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["cors_origins"] = "\n".join(self.instance.cors_origins.split())
        for name, usual in (
            ("events_per_second", settings.EVENTS_PER_SECOND),
            ("bytes_per_second", settings.BYTES_PER_SECOND),
        ):
            here = f"this installation's, {formatting.count(usual)}" if usual else "no limit"
            self.fields[name].help_text = f"Of each web process; more is answered 429. Empty: {here}."

    def clean_cors_origins(self) -> str:
        """Origins as browsers write them, with blanks between."""
        try:
            return " ".join(read_origins(self.cleaned_data["cors_origins"]))
        except ValueError as error:
            raise ValidationError(str(error)) from error


PARTS: dict[str, type[ProjectPart]] = {"texts": TextsForm, "keeping": KeepingForm, "sending": SendingForm}


@project_page
def data(view: View) -> HttpResponse:
    """All three parts with a form each; POST changes one."""
    wanted = view.request.POST.get("part", "")
    if view.request.method == "POST" and wanted not in PARTS:
        raise Http404("no such part of the settings")
    forms_of = {
        name: part(view.request.POST if name == wanted else None, instance=Project.objects.get(pk=view.project.pk))
        for name, part in PARTS.items()
    }
    status = 200
    if wanted:
        if forms_of[wanted].is_valid():
            forms_of[wanted].keep()
            messages.success(view.request, "Saved.")
            return redirect("settings-data", slug=view.project.slug)
        status = 400
    return render(view, "data.html", {"forms": forms_of, "policy": dict(POLICIES)[view.project.text_policy]}, status)
