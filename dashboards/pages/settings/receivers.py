"""Receivers: e-mail addresses and webhooks, each with a switch and a trial message."""

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from alerts import receivers as doors
from alerts.models import Delivery, Recipient, Webhook
from dashboards.pages.settings.frame import render
from dashboards.view import View, project_page

SEVERITIES = (("warning", "warnings and critical"), ("critical", "critical only"))
KINDS: dict[str, type[Recipient] | type[Webhook]] = {"recipient": Recipient, "webhook": Webhook}


class RecipientForm(forms.Form):
    """A new e-mail address."""

    email = forms.EmailField(max_length=254, label="E-mail address")
    label = forms.CharField(max_length=100, required=False)
    minimum_severity = forms.ChoiceField(choices=SEVERITIES, label="Tell of")


class WebhookForm(forms.Form):
    """A new webhook."""

    url = forms.URLField(max_length=2000, assume_scheme="https", label="Address (URL)")
    label = forms.CharField(max_length=100, required=False)
    minimum_severity = forms.ChoiceField(choices=SEVERITIES, label="Tell of")


@project_page
def receivers(view: View) -> HttpResponse:
    """All receivers; POST adds one, of the kind the form names."""
    kind = view.request.POST.get("kind", "")
    recipient = RecipientForm(view.request.POST if kind == "recipient" else None, prefix="recipient")
    webhook = WebhookForm(view.request.POST if kind == "webhook" else None, prefix="webhook")
    status = 200
    if view.request.method == "POST":
        form: forms.Form = recipient if kind == "recipient" else webhook
        if form.is_bound and form.is_valid() and _add(view, kind, form):
            return redirect("settings-receivers", slug=view.project.slug)
        status = 400
    context = {
        "recipients": [(one, _last(one)) for one in Recipient.objects.order_by("id")],
        "webhooks": [(one, _last(one)) for one in Webhook.objects.order_by("id")],
        "recipient_form": recipient,
        "webhook_form": webhook,
    }
    return render(view, "receivers.html", context, status)


def _last(receiver: Recipient | Webhook) -> Delivery | None:
    return next(iter(doors.deliveries_to(receiver, 1)), None)


def _add(view: View, kind: str, form: forms.Form) -> bool:
    chosen = form.cleaned_data
    try:
        if kind == "recipient":
            doors.add_recipient(
                chosen["email"], view.now, label=chosen["label"], minimum_severity=chosen["minimum_severity"]
            )
        else:
            doors.add_webhook(
                chosen["url"], view.now, label=chosen["label"], minimum_severity=chosen["minimum_severity"]
            )
    except doors.ReceiverError as error:
        form.add_error(None, str(error))
        return False
    messages.success(view.request, "Added. Send it a test to see that it arrives.")
    return True


def _receiver(kind: str, number: int) -> Recipient | Webhook:
    if kind in KINDS:
        found = KINDS[kind].objects.filter(pk=number).first()
        if found is not None:
            return found
    raise Http404("no such receiver in this project")


@require_POST
@project_page
def test(view: View, kind: str, number: int) -> HttpResponse:
    """Put a trial message into the outbox."""
    receiver = _receiver(kind, number)
    doors.send_test(receiver)
    messages.success(view.request, f"A test is on its way to {receiver}; its state shows here within seconds.")
    return redirect("settings-receivers", slug=view.project.slug)


@require_POST
@project_page
def switch(view: View, kind: str, number: int) -> HttpResponse:
    """Switch a receiver on or off."""
    receiver = _receiver(kind, number)
    doors.switch(receiver, on=not receiver.is_active)
    messages.success(view.request, f"{receiver} is switched {'on' if receiver.is_active else 'off'}.")
    return redirect("settings-receivers", slug=view.project.slug)
