"""The project itself: name, description, and for its owners the time zone."""

from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect

from dashboards.pages.settings.frame import render
from dashboards.view import View, project_page
from ingest.projects.models import Membership, Project

NO_PLACES = {"Factory", "localtime"}


@cache
def time_zones() -> tuple[str, ...]:
    """The names of all time zones, in order."""
    return tuple(sorted(available_timezones() - NO_PLACES))


class ProjectForm(forms.ModelForm):  # type: ignore[type-arg]  # generic for the type checker only
    """Name and description."""

    class Meta:
        model = Project
        fields: tuple[str, ...] = ("name", "description")
        widgets = {"description": forms.Textarea(attrs={"rows": 4})}

    def clean_name(self) -> str:
        """A name is something one can read."""
        name = str(self.cleaned_data["name"])
        if not name.strip():
            raise ValidationError("a project needs a name")
        return name


class OwnersForm(ProjectForm):
    """The same with the time zone, which moves every day of the project."""

    class Meta(ProjectForm.Meta):
        fields: tuple[str, ...] = (*ProjectForm.Meta.fields, "time_zone")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = sorted({*time_zones(), self.instance.time_zone})
        self.fields["time_zone"] = forms.ChoiceField(
            label="Time zone",
            choices=[(name, name.replace("_", " ")) for name in names],
            help_text="Days are local days of it. When it changes, charts by day are counted again within minutes as far back as"
            f" records reach ({self.instance.raw_days} days); older days, and baselines that were accepted, stay days of the"
            " old zone: a dashed line marks on charts where those days end.",
        )


@project_page
def project(view: View) -> HttpResponse:
    """Show and change the project's words."""
    kind = OwnersForm if view.role == Membership.Role.OWNER else ProjectForm
    form = kind(view.request.POST or None, instance=Project.objects.get(pk=view.project.pk))
    if view.request.method == "POST" and form.is_valid():
        form.instance.save(update_fields=list(kind.Meta.fields))
        messages.success(view.request, "Saved.")
        return redirect("settings", slug=view.project.slug)
    return render(view, "project.html", {"form": form}, 400 if form.errors else 200)
