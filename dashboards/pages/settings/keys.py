"""API keys: create and revoke. A key's text is shown once, right after it was made, and never again."""

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from dashboards.pages.settings.frame import render
from dashboards.view import View, project_page
from ingest.projects import keys as format_of
from ingest.projects.models import ApiKey

SCOPES = (
    ("ingest", "ingest: POST everything"),
    ("read", "read: metrics, lists, single records"),
    ("feedback", "feedback: only POST /feedback; for browsers, alone"),
)


class KeyForm(forms.Form):
    """A new key."""

    label = forms.CharField(max_length=100, required=False, help_text="Who or what uses it.")
    scopes = forms.MultipleChoiceField(choices=SCOPES, initial=["ingest"], widget=forms.CheckboxSelectMultiple)

    def clean_scopes(self) -> list[str]:
        """Refuse what no key may have together."""
        try:
            return list(format_of.checked(self.cleaned_data["scopes"]))
        except ValueError as error:
            raise forms.ValidationError(f"{error}.".capitalize()) from error


@project_page
def keys(view: View) -> HttpResponse:
    """The keys of the project; POST makes one and shows it on this very answer, so that it lies in no session."""
    form, made = KeyForm(view.request.POST or None), ""
    if view.request.method == "POST" and form.is_valid():
        new = format_of.make()
        ApiKey.objects.create(
            public=new.public,
            key_hash=new.key_hash,
            scopes=",".join(form.cleaned_data["scopes"]),
            label=form.cleaned_data["label"],
            created_at=view.now,
            created_by_id=view.request.user.pk,
        )
        made, form = new.text, KeyForm()
    answer = render(
        view,
        "keys.html",
        {"form": form, "made": made, "keys": ApiKey.objects.order_by("-created_at")},
        400 if form.errors else 200,
    )
    answer["Cache-Control"] = "no-store"
    return answer


@require_POST
@project_page
def revoke(view: View, key_id: int) -> HttpResponse:
    """End a key for ever; it stops working everywhere within five seconds."""
    changed = ApiKey.objects.filter(pk=key_id, revoked_at=None).update(revoked_at=view.now)
    if not changed and not ApiKey.objects.filter(pk=key_id).exists():
        raise Http404("no such key in this project")
    messages.success(view.request, "The key is revoked.")
    return redirect("settings-keys", slug=view.project.slug)
