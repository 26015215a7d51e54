"""What a project has not sent yet: never shown as zero, but as not sent, with the one thing to send and where to read of it."""

from dataclasses import dataclass

from django.urls import reverse

from dashboards import formatting
from dashboards.components import Empty, Link, State, Tile

WORD = "Not sent yet"
HOW = "How to send it"


@dataclass(frozen=True)
class Wanted:
    """One thing to send: in words, and the operation of the API's manual that takes it."""

    what: str
    operation: str

    @property
    def link(self) -> Link:
        """Its place in the manual."""
        return Link(HOW, f"{reverse('api-docs')}#{self.operation}")


USERS = Wanted("Send user_id with each interaction.", "post_interactions")
PRICES = Wanted("No call with a user has a known price.", "post_interactions")
REVENUE = Wanted("Send the figure revenue_usd of each month, by tier.", "post_figures")
OUTCOMES = Wanted("Send feedback of the kind outcome when a task is completed.", "post_feedback")
CACHES = Wanted(
    "Send cache with calls that a cache answered, cached_input_tokens with the others.", "post_interactions"
)
PROVIDER = Wanted("Send provider with each interaction.", "post_interactions")
OWN_CACHE = Wanted("Send cache (exact, semantic) with calls that a cache answered.", "post_interactions")
FIRST_TOKEN = Wanted("Send time_to_first_token_ms with streamed answers.", "post_interactions")


def tile(name: str, title: str, wanted: Wanted, definition: str = "") -> Tile:
    """In place of a number that nobody has sent what it is made of."""
    return Tile(
        title,
        formatting.DASH,
        name,
        State.NO_DATA,
        WORD,
        (wanted.what,),
        definition,
        link=wanted.link,
    )


def empty(text: str, wanted: Wanted, code: str = "") -> Empty:
    """In place of a chart or of rows; `code` is a command that sends it."""
    return Empty("not instrumented", text, "" if code else wanted.what, code, wanted.link)
