"""SQL of the second wall: row-level security on a table that has a `project_id`. Used by migrations of every floor."""

MINE = "project_id = NULLIF(current_setting('observatory.project', true), '')::bigint"


def protect(
    table: str, *, app: str = "SELECT, INSERT, UPDATE, DELETE", jobs: str = "SELECT, INSERT, UPDATE, DELETE"
) -> str:
    """Force row-level security on `table` and grant the two working roles what they need of it.

    The web's role sees one project; owner, jobs and definer see all, by policy and not by a role attribute
    (managed servers may refuse BYPASSRLS, and FORCE would blind data migrations).
    """
    return f"""
        ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
        ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
        CREATE POLICY one_project ON {table} TO observatory_app USING ({MINE}) WITH CHECK ({MINE});
        CREATE POLICY every_project ON {table} TO observatory_owner, observatory_jobs, observatory_definer
            USING (true) WITH CHECK (true);
        REVOKE ALL ON {table} FROM observatory_app, observatory_jobs;
        {f"GRANT {app} ON {table} TO observatory_app;" if app else ""}
        {f"GRANT {jobs} ON {table} TO observatory_jobs;" if jobs else ""}
    """
