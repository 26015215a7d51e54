"""Features: their type, which sets the latency budget, and their stakes."""

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect

from dashboards.pages.settings.frame import render
from dashboards.view import View, project_page
from ingest.projects.models import Feature


class FeatureForm(forms.ModelForm):  # type: ignore[type-arg]  # generic for the type checker only
    """What a person may say about a feature."""

    class Meta:
        model = Feature
        fields = ("type", "stakes", "owner", "maturity_hours")
        labels = {"maturity_hours": "Feedback matures in (hours)"}
        help_texts = {"maturity_hours": ""}

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # handed on as they came
        hours = self.fields["maturity_hours"]
        hours.validators.append(forms.IntegerField(min_value=0, max_value=24 * 30).validators[0])


@project_page
def features(view: View) -> HttpResponse:
    """All features with a form each; POST changes one."""
    listed = list(Feature.objects.order_by("name"))
    forms_of = {one.pk: FeatureForm(instance=one, prefix=str(one.number)) for one in listed}
    status = 200
    if view.request.method == "POST":
        chosen = next((one for one in listed if str(one.number) == view.request.POST.get("feature")), None)
        if chosen is None:
            raise Http404("no such feature in this project")
        form = FeatureForm(view.request.POST, instance=chosen, prefix=str(chosen.number))
        if form.is_valid():
            form.save()
            messages.success(view.request, f"{chosen.name} is saved.")
            return redirect("settings-features", slug=view.project.slug)
        forms_of[chosen.pk], status = form, 400
    return render(view, "features.html", {"features": [(one, forms_of[one.pk]) for one in listed]}, status)
