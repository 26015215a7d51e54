"""The mail folder as the product shows it: the mails of the project in scope, never another's."""

import re
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP

from alerts.channels.email import folder_of
from ingest.projects.access import current_project

NAME = re.compile(r"\d{12}\.eml")


class NoSuchMail(LookupError):
    """There is no mail of this name in the project's folder."""


@dataclass(frozen=True)
class Mail:
    """One mail as it was written. `html` is markup of our own making, with every value escaped."""

    name: str
    sent_at: datetime
    recipient: str
    subject: str
    text: str
    html: str


def messages(limit: int = 50) -> list[Mail]:
    """The newest mails of the project in scope, the newest first."""
    folder = folder_of(current_project())
    names = sorted((path.name for path in folder.glob("*.eml") if NAME.fullmatch(path.name)), reverse=True)
    return [message(name) for name in names[:limit]]


def message(name: str) -> Mail:
    """One mail of the project in scope by its file name. Raises NoSuchMail."""
    if not NAME.fullmatch(name):
        raise NoSuchMail(name)
    try:
        raw = (folder_of(current_project()) / name).read_bytes()
    except OSError as error:
        raise NoSuchMail(name) from error
    mail = message_from_bytes(raw, EmailMessage, policy=SMTP)
    return Mail(
        name, mail["Date"].datetime, str(mail["To"]), str(mail["Subject"]), _body(mail, "plain"), _body(mail, "html")
    )


def _body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    return str(part.get_content()).replace("\r\n", "\n") if part else ""
