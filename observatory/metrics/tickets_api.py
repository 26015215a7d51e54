"""GET /tickets/categories and GET /people/tickets: what tickets are about, and whose they are."""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar, TypedDict

from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.views import APIView

from ingest.api.documented import Documented
from ingest.api.views import OnlyJson
from observatory.metrics import asking
from observatory.metrics.asking import Question
from observatory.metrics.definitions import METRICS
from observatory.metrics.derived.voices import (
    PeopleTickets,
    Tickets,
    TicketTable,
    people_tickets_by_category,
    tickets_by_category,
)
from observatory.metrics.reading import Reading
from observatory.metrics.shapes import ReadingShape, Span, reading_shape

METRIC = METRICS["ticket_rate"]
USUAL_CATEGORIES, MOST_CATEGORIES = 8, 100
TIMES = {**asking.TIMES, "window": f"for example 7d, or today, week, month; {METRIC.window} unless told"}
FEATURE = {"feature": "only this feature"}
PARAMETERS = {
    **TIMES,
    "limit": f"how many of the categories with most tickets, 0 to {MOST_CATEGORIES}; {USUAL_CATEGORIES} unless told",
    **FEATURE,
}
OF_PEOPLE = {**TIMES, **FEATURE}


class TicketsShape(ReadingShape):
    """Tickets of one category, or of `of` categories together; `value` is for 1,000 calls, `sample_size` the calls."""

    category: str
    of: int
    tickets: int


class CategoriesShape(Span):
    """The categories with most tickets, those of all others (null without any), and all of them."""

    metric: str
    unit: str
    complete_to: datetime
    categories: list[TicketsShape]
    others: TicketsShape | None
    all: TicketsShape


class BothShape(TypedDict):
    """Tickets for 1,000 AI users, and for 1,000 people without; `sample_size` counts people."""

    ai_users: ReadingShape
    non_users: ReadingShape


class PeoplesCategoryShape(BothShape):
    """The same of one category."""

    category: str


class PeopleTicketsShape(Span, BothShape):
    """The same of all tickets, and of each category, the one with most tickets first."""

    unit: str
    complete_to: datetime
    categories: list[PeoplesCategoryShape]


class Categories(APIView):
    """Tickets by category, for 1,000 calls of the same window, each with its interval."""

    content_negotiation_class = OnlyJson
    scope: ClassVar[str] = "read"
    documented: ClassVar[Mapping[str, Documented]] = {
        "GET": Documented("Read tickets by category", PARAMETERS, CategoriesShape, refusals=(404,))
    }

    def get(self, request: Request) -> HttpResponse:
        """The tickets of a window by their own time."""

        def read(of: Question) -> CategoriesShape:
            window = of.window(METRIC.window)
            most = asking.number(of.asked, "limit", USUAL_CATEGORIES, 0, MOST_CATEGORIES)
            return shaped(tickets_by_category(window, most=most, feature=of.asked.get("feature"), now=of.now))

        return asking.answer(request, PARAMETERS, read)


class PeoplesTickets(APIView):
    """Tickets of AI users beside those of people without, for 1,000 of each, by category."""

    content_negotiation_class = OnlyJson
    scope: ClassVar[str] = "read"
    documented: ClassVar[Mapping[str, Documented]] = {
        "GET": Documented("Read tickets of people", OF_PEOPLE, PeopleTicketsShape, refusals=(404,))
    }

    def get(self, request: Request) -> HttpResponse:
        """The tickets of a window by their own time, by whose they are."""

        def read(of: Question) -> PeopleTicketsShape:
            window, feature = of.window(METRIC.window), of.asked.get("feature")
            return shaped_of_people(people_tickets_by_category(window, feature=feature, now=of.now))

        return asking.answer(request, OF_PEOPLE, read)


def shaped(found: TicketTable) -> CategoriesShape:
    """Tickets of calls as the API shows them."""
    return {
        "metric": METRIC.name,
        "unit": METRIC.unit,
        "from": found.window.start,
        "to": found.window.end,
        "complete_to": found.complete_to,
        "categories": [_tickets(one) for one in found.categories],
        "others": _tickets(found.others) if found.others else None,
        "all": _tickets(found.whole),
    }


def shaped_of_people(found: PeopleTickets) -> PeopleTicketsShape:
    """Tickets of people as the API shows them."""
    return {
        "unit": METRIC.unit,
        "from": found.window.start,
        "to": found.window.end,
        "complete_to": found.complete_to,
        "categories": [{"category": name, **_both(both)} for name, both in found.categories.items()],
        **_both(found.whole),
    }


def _tickets(one: Tickets) -> TicketsShape:
    return {"category": one.category, "of": one.of, "tickets": one.tickets, **reading_shape(METRIC.unit, one.rate)}


def _both(both: tuple[Reading, Reading]) -> BothShape:
    with_ai, without = (reading_shape(METRIC.unit, reading) for reading in both)
    return {"ai_users": with_ai, "non_users": without}
