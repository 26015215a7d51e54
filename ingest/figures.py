"""What only the business knows of a month: every figure sent is kept, the last one stands."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from ingest.arrays import microseconds
from ingest.contract import Figure
from ingest.dimensions import FigureName
from ingest.models import Figure as Row
from ingest.normalise import Columns, Entry, Numbers, Receipt, Values, metadata_of
from ingest.statements import FRESH, IS_FRESH, Statement, columns, rows

SMALLEST = Decimal("0.000001")
STATED = {
    "key": "blobs",
    "id": "texts",
    "month": "texts",
    "value": "texts",
    "position": "integers",
    "name": "smalls",
    "tier": "texts",
    "metadata": "texts",
}
STATEMENT = Statement.of(
    f"""{FRESH},
    stated AS (
        INSERT INTO figure (project_id, received_at, {columns(list(STATED)[1:])})
        SELECT %(project_id)b, %(received_at)b, id, month::date, value::numeric, position, name, tier, metadata
        FROM {rows(STATED)} WHERE {IS_FRESH}
    )
    SELECT key FROM fresh
""",
    STATED,
    is_weekly=False,
)


def no_values(items: Sequence[Figure]) -> Values:
    """Figures enter nothing into the dictionary: a tier of the business need not be one that was ever met."""
    return {}


def figure_columns(entries: Sequence[Entry], receipt: Receipt, values: Values, numbers: Numbers) -> Columns:
    """All columns of `figure`; an empty tier means all tiers."""
    items: list[Figure] = [entry.item for entry in entries]
    return {
        "first_at": [microseconds(receipt.received_at)] * len(items),
        "month": [f"{item.month}-01" for item in items],
        "value": [format(item.value.quantize(SMALLEST), "f") for item in items],
        "position": [entry.position for entry in entries],
        "name": [FigureName[item.name.upper()] for item in items],
        "tier": [item.tier or "" for item in items],
        "metadata": [metadata_of(entry) for entry in entries],
    }


def standing(first: date, last: date) -> list[Row]:
    """The figures that stand for the months from `first` up to and including `last`, in the project in scope.

    Of several for one month, name and tier that is the one received last; of one request, the last in its body.
    """
    order = ("month", "name", "tier", "-received_at", "-position", "-id")
    return list(Row.objects.filter(month__range=(first, last)).order_by(*order).distinct("month", "name", "tier"))


def were_sent(name: FigureName) -> bool:
    """Whether any figure of this name was ever sent, in the project in scope."""
    return Row.objects.filter(name=int(name)).exists()
