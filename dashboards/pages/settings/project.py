"""The project itself: name, description, time zone."""

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect

from dashboards.pages.settings.frame import render
from dashboards.view import View, project_page
from ingest.projects.models import Project


class ProjectForm(forms.ModelForm):  # type: ignore[type-arg]  # generic for the type checker only
    """Name and description."""

    class Meta:
        model = Project
        fields = ("name", "description")
        widgets = {"description": forms.Textarea(attrs={"rows": 4})}

    def clean_name(self) -> str:
        """A name is something one can read."""
        name = str(self.cleaned_data["name"])
        if not name.strip():
            raise ValidationError("a project needs a name")
        return name


@project_page
def project(view: View) -> HttpResponse:
    """Show and change the project's words."""
    form = ProjectForm(view.request.POST or None, instance=view.project)
    if view.request.method == "POST" and form.is_valid():
        form.save()
        messages.success(view.request, "Saved.")
        return redirect("settings", slug=view.project.slug)
    return render(view, "project.html", {"form": form}, 400 if form.errors else 200)
