"""What psycopg has to know about our arrays: their types, and that they are ready to be sent."""

from psycopg.adapt import AdaptersMap, Dumper
from psycopg.pq import Format

from ingest.arrays import BinaryArray


class AsItIs(Dumper):
    """Sends what it is given."""

    format = Format.BINARY

    def dump(self, obj: BinaryArray) -> bytes:
        """The array as it was built."""
        return obj.data


def register(adapters: AdaptersMap) -> None:
    """Teach psycopg the types of arrays."""
    for kind in BinaryArray.__subclasses__():
        adapters.register_dumper(kind, type(f"{kind.__name__}Dumper", (AsItIs,), {"oid": kind.oid}))
