"""The HTML form of a mail.

Everything that must hold is inline; the style block only serves clients that read it (dark, narrow).
"""

from html import escape

from alerts.messages import links, sentences, text
from alerts.messages.notice import Envelope, Notice, Plain

FONT = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;"
INK, QUIET, LINE, LINK, CANVAS = "#1b2330", "#5a6472", "#dde1e7", "#1f5fbf", "#f6f7f9"
COLOURS = {"critical": ("#a11d1d", "#f07a7a"), "warning": ("#8f6500", "#ffc24d"), "resolved": ("#137a63", "#8fdcc8")}
PLAIN_COLOUR = (LINK, "#8ab4ff")
BODY = f"{FONT}margin:0;font-size:14px;line-height:21px;color:{INK};"
SMALL = f"{FONT}font-size:12px;line-height:18px;color:{QUIET};"
CELL = f"{FONT}font-size:14px;line-height:20px;"

TABLE = 'role="presentation" cellpadding="0" cellspacing="0" border="0"'

STYLE = """
@media (prefers-color-scheme: dark) {
  .canvas { background: #0f1115 !important; }
  .card { background: #171a1f !important; border-color: DARK #2b3038 #2b3038 !important; }
  .text { color: #e6e9ee !important; } .quiet { color: #a3adba !important; } .line { border-color: #2b3038 !important; }
  .state { color: DARK !important; } .link { color: #8ab4ff !important; }
  .button { background: #171a1f !important; color: #e6e9ee !important; border-color: #4a515c !important; }
}
@media (max-width: 480px) {
  .pad { padding: 20px 16px !important; } .title { font-size: 19px !important; line-height: 25px !important; }
}
"""


def of_incident(notice: Notice, envelope: Envelope) -> str:
    """The whole letter about one transition."""
    url, state = envelope.public_url, sentences.standing(notice)
    buttons = [("View incident", links.incident(notice, url)), ("See the metric", links.metric(notice, url))]
    why = "Why this ended" if notice.kind == "resolved" else "Why now"
    missed = _paragraph(sentences.missed(envelope.missed, notice.zone)) if envelope.missed else ""
    look = _link("The interactions behind this number", links.interactions(notice, url))
    card = (
        _kicker(notice, state)
        + _title(sentences.headline(notice))
        + _buttons(buttons)
        + _rows(notice)
        + _section(why, _paragraph(sentences.why_now(notice)) + missed)
        + _section("Look here first", f'<p class="text" style="{BODY}">{look}</p>')
    )
    footer = _small(f"{escape(text.because(notice, envelope))} {_change(notice.slug, envelope)}")
    footer += _small(f"Observatory · {escape(text.judged(notice))} · delivery {envelope.delivery_id}")
    return _page(sentences.subject(notice), COLOURS[state], card, footer)


def of_plain(message: Plain, envelope: Envelope) -> str:
    """A message about the receiver itself."""
    card = _title(message.title) + _paragraph(message.text)
    footer = _small(f"{_change(message.slug, envelope)} · delivery {envelope.delivery_id}")
    return _page(message.title, PLAIN_COLOUR, card, footer)


def _page(title: str, colours: tuple[str, str], card: str, footer: str) -> str:
    light, dark = colours
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE.replace('DARK', dark)}</style></head>\n"
        f'<body class="canvas" style="margin:0;padding:0;background:{CANVAS};-webkit-text-size-adjust:100%;">\n'
        f'<table {TABLE} class="canvas" width="100%" bgcolor="{CANVAS}" style="background:{CANVAS};">'
        '<tr><td align="center" style="padding:24px 12px;">\n'
        f'<table {TABLE} class="card" width="100%" bgcolor="#ffffff" style="max-width:600px;background:#ffffff;'
        f'border:1px solid {LINE};border-top:4px solid {light};border-radius:6px;">'
        f'<tr><td class="pad" align="left" style="padding:24px 28px;">\n{card}\n</td></tr></table>\n'
        f'<table {TABLE} width="100%" style="max-width:600px;">'
        f'<tr><td class="pad" align="left" style="padding:16px 28px 0;">{footer}</td></tr></table>\n'
        "</td></tr></table>\n</body></html>\n"
    )


def _kicker(notice: Notice, state: str) -> str:
    was = f", was {sentences.mark(notice.previous)}" if notice.previous else ""
    return (
        f'<p class="quiet" style="{FONT}margin:0;font-size:13px;line-height:20px;color:{QUIET};">'
        f'<b class="state" style="color:{COLOURS[state][0]};">{sentences.mark(state)}</b>{was} &nbsp;·&nbsp; '
        f"{escape(notice.project)} &nbsp;·&nbsp; Incident {notice.incident_id}</p>\n"
    )


def _title(words: str) -> str:
    style = f"{FONT}margin:6px 0 8px;font-size:22px;line-height:28px;font-weight:600;color:{INK};"
    return f'<h1 class="text title" style="{style}">{escape(words)}</h1>\n'


def _buttons(buttons: list[tuple[str, str]]) -> str:
    """The first is the one to press; the others are quiet."""
    gap = '<td width="8" style="font-size:0;line-height:0;">&nbsp;</td>'
    cells = gap.join(_button(words, address, is_first=index == 0) for index, (words, address) in enumerate(buttons))
    return f'<table {TABLE} style="margin:18px 0 20px;"><tr>{cells}</tr></table>\n'


def _button(words: str, address: str, *, is_first: bool) -> str:
    kind = "primary" if is_first else "button"
    colour, back, edge = ("#ffffff", LINK, LINK) if is_first else (INK, "#ffffff", "#c4cad3")
    box = f"background:{back};border:1px solid {edge};border-radius:6px;padding:9px 16px;"
    style = f"{CELL}font-weight:600;color:{colour};text-decoration:none;display:inline-block;"
    link = f'<a class="{kind}" href="{escape(address)}" style="{style}">{escape(words)}</a>'
    return f'<td class="{kind}" bgcolor="{back}" style="{box}">{link}</td>'


def _rows(notice: Notice) -> str:
    rows = "".join(_row(label, lines) for label, lines in sentences.rows(notice))
    return f'<table cellpadding="0" cellspacing="0" border="0" width="100%">{rows}</table>\n'


def _row(label: str, lines: tuple[str, ...]) -> str:
    edge = f"border-top:1px solid {LINE};"
    head, body = f"{CELL}color:{QUIET};padding:7px 12px 7px 0;{edge}", f"{CELL}color:{INK};padding:7px 0;{edge}"
    return (
        f'<tr><td class="quiet line" valign="top" width="112" style="{head}">{escape(label)}</td>'
        f'<td class="text line" valign="top" style="{body}">{"<br>".join(escape(line) for line in lines)}</td></tr>\n'
    )


def _section(title: str, content: str) -> str:
    style = f"{FONT}margin:24px 0 6px;font-size:14px;line-height:20px;font-weight:600;color:{INK};"
    return f'<h2 class="text" style="{style}">{escape(title)}</h2>\n{content}\n'


def _paragraph(words: str) -> str:
    return f'<p class="text" style="{BODY}">{escape(words)}</p>\n'


def _small(markup: str) -> str:
    return f'<p class="quiet" style="{SMALL}margin:0 0 8px;">{markup}</p>'


def _change(slug: str, envelope: Envelope) -> str:
    return _link("Change what you receive", links.settings(slug, envelope.public_url))


def _link(words: str, address: str) -> str:
    return f'<a class="link" href="{escape(address)}" style="color:{LINK};">{escape(words)}</a>'
