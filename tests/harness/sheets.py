"""Tables of cells read one number at a time."""

from collections.abc import Mapping

from observatory.metrics.cells import Cells
from observatory.metrics.sheets import SheetKey

Numbers = dict[int, dict[int, int]]
"""Value → counter → sum, or value → bin → count."""


def counted(cells: Cells) -> dict[SheetKey, Numbers]:
    """The counters of each sheet, value by value; what is zero is left out."""
    found: dict[SheetKey, Numbers] = {key: {} for key in cells.keys}
    for place, (sheet, value) in enumerate(zip(cells.sheet.tolist(), cells.value.tolist(), strict=True)):
        numbers = {int(counter): int(column[place]) for counter, column in cells.counters.items() if column[place]}
        found[cells.keys[sheet]][value] = numbers
    return found


def added(one: Mapping[int, int], other: Mapping[int, int]) -> dict[int, int]:
    """Two rows of counts as one."""
    return {known: one.get(known, 0) + other.get(known, 0) for known in one.keys() | other.keys()}
