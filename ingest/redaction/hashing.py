"""Keyed hashes: what is kept of texts that are not. Pure.

Without the installation's secret nobody can guess a text from its hash, and equal texts of two projects have nothing in
common. With it, a text can only be guessed as a whole, but each word from its marks: the secret and the database belong
apart.
"""

import hashlib
import hmac
from array import array
from collections.abc import Sequence
from sys import byteorder

from ingest.text import as_bytes

HASH_BYTES = 16
MARK_BYTES = 2
FORM = b"\2"
"""In front of marks: those of the first form, keyed words without a token between, are of even length and have none."""


def text_key(secret: str, project_id: int) -> bytes:
    """The key of a project's text hashes; another one than that of its fingerprints."""
    return hashlib.blake2b(f"text:{project_id}".encode(), key=secret.encode()[:64], digest_size=32).digest()


def text_hash(key: bytes, text: str) -> bytes:
    """The first 16 bytes of HMAC-SHA-256 of a text's UTF-8: equal for equal texts of a project."""
    return hmac.digest(key, as_bytes(text), "sha256")[:HASH_BYTES]


def word_tokens(key: bytes, words: Sequence[str]) -> bytes:
    """Two bytes for each word of a text (`corrections.words`), in order: the same for a word in the whole project.

    Never stored as they are, for what is frequent in a language could be told from what is frequent in them.
    """
    own = _own(key, b"words")
    # The key in front is as good as a key beside, since BLAKE2 cannot be extended, and costs a block less.
    token = {
        word: hashlib.blake2s(own + as_bytes(word), digest_size=MARK_BYTES).digest() for word in dict.fromkeys(words)
    }
    return b"".join(map(token.__getitem__, words))


def word_marks(key: bytes, interaction_key: bytes, tokens: bytes) -> bytes:
    """What is stored of the words of an interaction's output: the tokens, each hashed with the interaction, after FORM.

    So a word has other marks in other interactions. Two different words have the same mark twice in 65,536.
    """
    own = _own(key, interaction_key)
    numbers = array("H", tokens)
    mark = {
        number: hashlib.blake2s(own + number.to_bytes(MARK_BYTES, byteorder), digest_size=MARK_BYTES).digest()
        for number in set(numbers)
    }
    return FORM + b"".join(map(mark.__getitem__, numbers))


def sealed(key: bytes, tokens: bytes) -> bytes:
    """What is stored of the words of a correction: its tokens enciphered, for it may not be known yet what it is about.

    The seal in front is a keyed hash of the tokens and makes the key stream (a synthetic nonce): of two of them nothing
    can be told but how many words they have, and whether they are the same.
    """
    own = _own(key, b"sealed")
    seal = hmac.digest(own, tokens, "sha256")[:HASH_BYTES]
    return seal + _ciphered(own, seal, tokens)


def unsealed(key: bytes, stored: bytes) -> bytes | None:
    """The tokens of a correction; None where they were sealed with another key, or are none."""
    tokens = _ciphered(_own(key, b"sealed"), stored[:HASH_BYTES], stored[HASH_BYTES:])
    return tokens if sealed(key, tokens) == stored else None


def _own(key: bytes, purpose: bytes) -> bytes:
    """A key for one purpose alone."""
    return hashlib.blake2b(purpose, key=key, digest_size=32).digest()


def _ciphered(own: bytes, seal: bytes, text: bytes) -> bytes:
    stream = hashlib.shake_256(own + seal).digest(len(text))
    return (int.from_bytes(text) ^ int.from_bytes(stream)).to_bytes(len(text))


def as_tokens(marks: bytes) -> Sequence[int] | None:
    """Marks as numbers, one a word, to be compared like words; None for marks of another form."""
    return array("H", marks[len(FORM) :]) if len(marks) % MARK_BYTES and marks.startswith(FORM) else None
