"""Whether an output begins by declining, in English, German, French, Spanish, Portuguese or Italian. Pure.

Only the first words count, since answers quote refusals further down. An apology alone is none, nor is what cannot be
said in another sense ("not only", "no puedo creer"). Every part of a pattern is bounded, and each is tried at one place.
"""

import re
import unicodedata
from functools import cache
from typing import NamedTuple

WITHIN = 300

_ENGLISH = re.compile(
    r"\W*(?:(?:i['’]?m|i am|we are|we['’]re)\s+(?:really\s+|very\s+|so\s+)?(?:sorry|afraid)\W{1,3}(?:but\s+)?(?:i|we|that|this|as an)\b"
    r"|(?:i|we)\s+(?:can['’]?t|cannot|can not|won['’]?t|will not|am unable|am not able|are unable|must decline|have to decline)\b"
    r"|(?:i['’]m|i am)\s+(?:unable|not able|not allowed|not permitted)\s+to\b"
    r"|(?:sorry|unfortunately|apologies|my apologies)\W{1,3}(?:but\s+)?(?:i|we)\s+(?:can['’]?t|cannot|can not|won['’]?t|am unable|am not able)\b"
    r"|(?:as an ai|as a language model)\b[^.\n]{0,80}\b(?:can['’]?t|cannot|unable|not able|don['’]t have)\b"
    r"|i must decline\b|i refuse to\b)",
    re.IGNORECASE,
)


class _Opening(NamedTuple):
    """How a language declines: an apology, then perhaps `but`, then what cannot be done; or `alone`; or as a machine."""

    sorry: str
    but: str
    unable: str
    alone: str
    machine: str


_ICH_KANN = "(?:(?:ich|wir) (?:kann|können|darf|dürfen)|(?:kann|können|darf|dürfen) (?:ich|wir))"
_NICHT = "(?:nicht(?! nur| genug| oft genug| umhin| glauben| fassen| erwarten)|kein(?:e[nrs]?)?)"
_NICHT_IMSTANDE = "(?:ich bin|bin ich|wir sind|sind wir) (?:leider |dazu |hierzu ){0,2}nicht (?:dazu )?(?:in der lage|imstande|befugt|berechtigt)"
_WOMIT = "(?:ihnen|dir|euch|leider|dabei|damit|dazu|hierbei|hierzu|darauf|das|dies|diese[rsnm]?|auf|bei|mit|ihre[rnm]?|deine[rnm]?|anfrage|frage|bitte|wunsch|inhalte?)"

_OPENINGS = (
    _Opening(  # German
        sorry="(?:es )?tut (?:mir|uns) (?:wirklich |sehr |aufrichtig )?leid|entschuldigung|verzeihung|entschuldigen sie(?: bitte)?"
        "|entschuldige(?: bitte)?|ich bedau[e]?re|leider|bedauerlicherweise",
        but="aber |doch |jedoch ",
        unable=f"(?:{_WOMIT} ){{0,3}}{_ICH_KANN}\\b[^.,;:!?\n]{{0,60}}\\b{_NICHT}\\b|{_NICHT_IMSTANDE}"
        "|dass (?:ich|wir) [^.,;:!?\n]{0,60}\\b(?:nicht|kein(?:e[nrs]?)?)\\b[^.,;:!?\n]{0,60}\\b(?:kann|können|darf|dürfen)\\b",
        alone=f"(?:{_WOMIT} ){{0,3}}{_ICH_KANN} (?:{_WOMIT} ){{0,5}}{_NICHT}\\b|{_NICHT_IMSTANDE}",
        machine="als (?:eine? )?(?:ki|künstliche intelligenz|(?:ki-|großes )?sprachmodell|(?:virtueller |ki-)assistent)",
    ),
    _Opening(  # French
        sorry="(?:je suis |nous sommes )?(?:vraiment |sincèrement )?(?:désolée?s?|navrée?s?)|(?:toutes )?mes excuses|je m'excuse"
        "|excusez-moi|malheureusement|je regrette",
        but="mais ",
        unable="(?:je|nous) ne (?:peux|puis|pourrai|pouvons|pourrons|saurais)\\b(?! que\\b)|je ne suis (?:malheureusement )?pas (?:en mesure|capable|autorisée?|habilitée?)"
        "|il m'est impossible|je n'ai pas (?:accès|la possibilité|la capacité)|de ne pas pouvoir\\b",
        alone="(?:je|nous) ne (?:peux|puis|pourrai|pouvons|pourrons) (?:malheureusement |vraiment )?pas\\b(?! (?:croire|m'empêcher|attendre|imaginer)\\b)"
        "|je ne suis (?:malheureusement )?pas (?:en mesure|autorisée?|habilitée?)|il m'est impossible",
        machine="en tant qu(?:'|e )(?:une? )?(?:ia|intelligence artificielle|(?:grand )?modèle de langage|assistant)",
    ),
    _Opening(  # Spanish
        sorry="lo siento(?: mucho)?|lo lamento(?: mucho)?|disculp(?:a|e|en)|perdón|perdon[ae]|mis disculpas|desafortunadamente|lamentablemente|por desgracia",
        but="pero ",
        unable="(?:yo )?no (?:puedo|podemos|podré|podría|me es posible|soy capaz|estoy (?:autorizad[oa]|capacitad[oa]|en condiciones)"
        "|tengo (?:acceso|permitido|la capacidad))\\b",
        alone="(?:yo )?no (?:puedo|podemos|podré) (?!(?:creer|esperar|dejar de|evitar|parar|más)\\b)\\w|no (?:me es posible|estoy autorizad[oa])\\b"
        "|(?:lamento|siento)(?: mucho)? no poder\\b",
        machine="como (?:una? )?(?:ia|inteligencia artificial|modelo de lenguaje|asistente)",
    ),
    _Opening(  # Portuguese
        sorry="desculp(?:e|a|em)(?:-me)?|(?:eu )?sinto muito|(?:eu )?lamento(?: muito)?|perdão|peço desculpas?|minhas desculpas|infelizmente",
        but="mas ",
        unable="(?:eu )?não (?:posso|podemos|poderei|consigo|conseguimos|me é possível|sou capaz|estou autorizad[oa]"
        "|tenho (?:acesso|permissão|a capacidade|capacidade))\\b|não poder\\b",
        alone="(?:eu )?não (?:posso|podemos|poderei|consigo) (?!(?:acreditar|esperar|deixar de|evitar|parar|mais)\\b)\\w|não (?:me é possível|estou autorizad[oa])\\b",
        machine="como (?:uma? )?(?:ia|inteligência artificial|modelo de linguagem|assistente)",
    ),
    _Opening(  # Italian
        sorry="mi (?:di)?spiace(?: molto)?|(?:sono )?spiacente|scus(?:a|ami|ate|atemi|i|imi)|mi scuso|purtroppo",
        but="ma |però ",
        unable="(?:io )?non (?:posso|possiamo|potrò|riesco|mi è possibile|sono (?:in grado|autorizzat[oa])|ho (?:accesso|la possibilità|la capacità))\\b|(?:di )?non poter\\w{0,4}\\b",
        alone="(?:io )?non (?:posso|possiamo|potrò) (?!(?:credere|aspettare|fare a meno|che|non|più)\\b)\\w|non (?:mi è possibile|sono (?:in grado di|autorizzat[oa]))\\b",
        machine="(?:come|in quanto) (?:un'|una? )?(?:ia|ai|intelligenza artificiale|modello linguistico|assistente)",
    ),
)


def _compiled(opening: _Opening) -> str:
    written = (
        f"(?:{opening.sorry})\\W{{1,3}}(?:{opening.but})?(?:{opening.unable})|{opening.alone}"
        f"|(?:{opening.machine})\\b[^.\n]{{0,80}}\\b(?:{opening.unable})"
    )
    return written.replace(" ", "\\s{1,4}").replace("'", "['’]")


@cache
def _others() -> re.Pattern[str]:
    """All of them in one pattern, made when first asked for: it takes a tenth of a second, and most processes never ask."""
    return re.compile(f"\\W*(?:{'|'.join(map(_compiled, _OPENINGS))})", re.IGNORECASE)


def is_refusal(text: str) -> bool:
    """Whether an output begins by declining."""
    beginning = text[:WITHIN]
    if _ENGLISH.match(beginning):
        return True
    return _others().match(beginning if beginning.isascii() else unicodedata.normalize("NFC", beginning)) is not None
