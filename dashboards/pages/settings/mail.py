"""The mail folder: what would have been sent, readable before any mail server is set up."""

from django.conf import settings
from django.http import Http404, HttpResponse
from django.views.decorators.http import require_safe

from alerts import mailbox
from dashboards.pages.settings.frame import render
from dashboards.view import View, project_page


@require_safe
@project_page
def mails(view: View) -> HttpResponse:
    """The newest mails of this project."""
    is_folder = settings.MAIL.backend == "folder"
    return render(view, "mail.html", {"mails": mailbox.messages(50), "is_folder": is_folder})


@require_safe
@project_page
def mail(view: View, name: str) -> HttpResponse:
    """One mail, as its plain text."""
    try:
        return render(view, "one_mail.html", {"mail": mailbox.message(name)})
    except mailbox.NoSuchMail:
        raise Http404("no such mail of this project") from None
