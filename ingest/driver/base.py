"""What Django looks for in a backend: its own wrapper for PostgreSQL, on patient connections."""

from typing import Any

from django.db.backends.postgresql import base
from django.db.backends.postgresql.psycopg_any import IsolationLevel
from psycopg_pool import ConnectionPool

from ingest.driver.connections import PatientConnection, lend
from ingest.driver.doubt import SERVER


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's wrapper; `OPTIONS["patience_s"]` goes to the connection, `OPTIONS["pool"]` to psycopg's pool."""

    def __init__(self, settings_dict: dict[str, Any], alias: str = "default") -> None:
        super().__init__(settings_dict, alias)
        pool_options = settings_dict["OPTIONS"].get("pool")
        if pool_options:
            pool_options.update(connection_class=PatientConnection, reconnect_failed=_server_is_away)

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Connect, or borrow from the pool what answers."""
        self.isolation_level = IsolationLevel.READ_COMMITTED
        if self.pool is None:
            return PatientConnection.connect(**conn_params)
        self.pool.open()
        return lend(self.pool)


def _server_is_away(pool: "ConnectionPool[Any]") -> None:
    """No connection could be made and none is left: the next requests need not wait to find out the same."""
    if not pool.get_stats()["pool_size"]:
        SERVER.rise()
