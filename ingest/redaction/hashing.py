"""Keyed hashes: what is kept of texts that are not. Pure.

Without the installation's secret nobody can guess a text from its hash, and equal texts of two projects have nothing in
common. With it, a text can only be guessed as a whole, but each word from its marks: the secret and the database belong
apart.
"""

import hashlib
import hmac
from array import array
from collections.abc import Sequence

from ingest.text import as_bytes

HASH_BYTES = 16
MARK_BYTES = 2


def text_key(secret: str, project_id: int) -> bytes:
    """The key of a project's text hashes; another one than that of its fingerprints."""
    return hashlib.blake2b(f"text:{project_id}".encode(), key=secret.encode()[:64], digest_size=32).digest()


def text_hash(key: bytes, text: str) -> bytes:
    """The first 16 bytes of HMAC-SHA-256 of a text's UTF-8: equal for equal texts of a project."""
    return hmac.digest(key, as_bytes(text), "sha256")[:HASH_BYTES]


def word_marks(key: bytes, interaction_key: bytes, words: Sequence[str]) -> bytes:
    """Two bytes for each word of a text (`corrections.words`), in order.

    Keyed by the interaction as well, so that a word has other marks in other interactions: what is frequent in a
    language cannot be told from what is frequent in the marks. Two different words have the same mark once in 65,536.
    """
    own = hashlib.blake2b(interaction_key, key=key, digest_size=32).digest()
    # The key in front is as good as a key beside, since BLAKE2 cannot be extended, and costs a block less.
    mark = {
        word: hashlib.blake2s(own + as_bytes(word), digest_size=MARK_BYTES).digest() for word in dict.fromkeys(words)
    }
    return b"".join(map(mark.__getitem__, words))


def as_tokens(marks: bytes) -> Sequence[int]:
    """Marks as numbers, one a word, to be compared like words."""
    return array("H", marks)
