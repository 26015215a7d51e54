"""In which language something was written. For jobs: the model costs some 60 MB and half a second, at first use.

Plain English is told by its small words, for 10 µs instead of 300. Texts of less than 20 bytes say too little; code, data and mixtures find no language that is sure enough, and have none.
"""

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

# The languages of most of the world's writing. `zxx` is what is in no language, such as code.
LANGUAGES = (
    "ar", "az", "bg", "bn", "bs", "ca", "cs", "da", "de", "el", "en", "es", "et", "eu", "fa",
    "fi", "fr", "gl", "gu", "he", "hi", "hr", "hu", "hy", "id", "is", "it", "ja", "ka", "kk",
    "ko", "lt", "lv", "mk", "ml", "mr", "ms", "nl", "no", "pa", "pl", "pt", "ro", "ru", "sk",
    "sl", "sq", "sr", "sv", "sw", "ta", "te", "th", "tl", "tr", "uk", "ur", "vi", "zh", "zxx",
)  # fmt: skip
NO_LANGUAGE = "zxx"
LOOKED_AT = 300
SHORTEST_BYTES = 20
SURE = 0.8

# Small words of English: some other language may have two or three of them, none has five and two of the first line.
ONLY_ENGLISH = frozenset({"the", "and", "this", "that", "with", "you", "your", "are", "which", "these"})
ENGLISH = ONLY_ENGLISH | {"of", "to", "is", "it", "can", "will", "how", "what", "for", "from", "have", "be", "or", "by"}
ENOUGH, ENOUGH_ONLY = 5, 2


def language_of(text: str) -> str | None:
    """The ISO 639-1 code of a text's language; None when that is not sure."""
    beginning = text[: 2 * LOOKED_AT].strip()[:LOOKED_AT]
    if len(beginning.encode()) < SHORTEST_BYTES:
        return None
    if _is_plain_english(beginning):
        return "en"
    found, confidence = _model().classify(beginning)
    return found if confidence >= SURE and found != NO_LANGUAGE else None


def forget_model() -> bool:
    """Let go of the model until the next text needs it; says whether there was one."""
    was_there = bool(_model.cache_info().currsize)
    _model.cache_clear()
    return was_there


def _is_plain_english(text: str) -> bool:
    small = ENGLISH.intersection(text.lower().split())
    return len(small) >= ENOUGH and len(small & ONLY_ENGLISH) >= ENOUGH_ONLY


@lru_cache(maxsize=1)
def _model() -> "LanguageIdentifier":
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    model = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    model.set_languages(LANGUAGES)
    # Half of its memory is held for languages that may be asked for later.
    model._full_model = (model.nb_ptc, model.nb_pc, model.nb_classes)
    return model
