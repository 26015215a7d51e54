"""The way in: sign-in leads to the first project, or to the note that there is none."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from ingest.projects import access


@login_required
def home(request: HttpRequest) -> HttpResponse:
    """To the overview of the person's first project."""
    first = access.projects_of(request.user).first()
    if first is None:
        return render(request, "no_project.html", {"title": "No project"})
    return redirect("overview", slug=first.slug)


home.access_rule = "signed in"  # type: ignore[attr-defined]  # read by the test that no view is without a rule
