"""Mail: to a real SMTP server, or into a folder of files, which is enough for a first run."""

import os
import smtplib
import ssl
import tempfile
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from pathlib import Path
from urllib.parse import urlsplit

import structlog
from django.conf import settings

from alerts.channels.shape import Outcome, Outgoing, Result
from alerts.messages import letter, sentences, text
from alerts.messages.wording import one_line
from alerts.outgoing import cut_off
from ingest import timeline

WHOLE_S = 10.0
ENCODING = "quoted-printable"
"""Passes every server, whatever it says of 8-bit text, and long lines of HTML."""

log = structlog.get_logger(__name__)


def send(message: Outgoing) -> Outcome:
    """Hand one mail over. What the server says to it decides."""
    try:
        mail = compose(message, timeline.now())
        if settings.MAIL.backend == "folder":
            return _into_folder(mail, message)
        return _to_server(mail, message.envelope.address)
    except (OSError, smtplib.SMTPException, ValueError) as error:
        return Outcome(Result.FAILED, f"{type(error).__name__}: {error}")


def compose(message: Outgoing, moment: datetime) -> EmailMessage:
    """The mail, with a Message-ID that stays the same over all attempts and a thread for each incident."""
    envelope, notice = message.envelope, message.notice
    host = urlsplit(envelope.public_url).hostname or "localhost"
    mail = EmailMessage(policy=SMTP)
    mail["From"] = settings.MAIL_FROM
    mail["To"] = envelope.address
    mail["Subject"] = sentences.subject(notice) if notice else one_line(message.plain.title)
    mail["Date"] = format_datetime(moment)
    mail["Message-ID"] = f"<delivery-{message.delivery_id}@{host}>"
    if message.incident_id is not None:
        mail["References"] = f"<incident-{message.incident_id}@{host}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(
        text.of_incident(notice, envelope) if notice else text.of_plain(message.plain, envelope), cte=ENCODING
    )
    html = letter.of_incident(notice, envelope) if notice else letter.of_plain(message.plain, envelope)
    mail.add_alternative(html, subtype="html", cte=ENCODING)
    return mail


def folder_of(project_id: int) -> Path:
    """Where a project's mails lie: each project has its own folder, as it has its own readers."""
    return Path(settings.MAIL_FOLDER) / str(project_id)


def _into_folder(mail: EmailMessage, message: Outgoing) -> Outcome:
    """Write the mail under its delivery's number: a second attempt replaces the first, it never doubles it."""
    folder = folder_of(message.project_id)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{message.delivery_id:012d}.eml"
    handle, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(mail.as_bytes())
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)
    log.info("mail_written", to=message.envelope.address, subject=mail["Subject"], file=str(path))
    return Outcome(Result.SENT, path.name)


def _to_server(mail: EmailMessage, address: str) -> Outcome:
    server_of = settings.MAIL
    encrypted = ssl.create_default_context()
    sender = parseaddr(settings.MAIL_FROM)[1]
    server: smtplib.SMTP
    if server_of.use_ssl:
        server = smtplib.SMTP_SSL(server_of.host, server_of.port, timeout=settings.EMAIL_TIMEOUT, context=encrypted)
    else:
        server = smtplib.SMTP(server_of.host, server_of.port, timeout=settings.EMAIL_TIMEOUT)
    with server, cut_off(lambda: server.sock, WHOLE_S):
        if server_of.use_tls:
            server.starttls(context=encrypted)
        if server_of.user:
            server.login(server_of.user, server_of.password)
        server.send_message(mail, from_addr=sender, to_addrs=[address])
    return Outcome(Result.SENT)
