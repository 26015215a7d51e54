"""Every table of a project's data has its wall; the web's role can do no more than it must."""

from django.db import connection

WITHOUT_WALL = {"membership"}  # who may enter which project is asked before any project is in scope


def rows(sql: str) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def test_every_table_with_a_project_has_forced_row_level_security_and_both_policies():
    tables = rows("""
        SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity,
               array(SELECT polname::text FROM pg_policy WHERE polrelid = c.oid ORDER BY 1)
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND a.attname = 'project_id'
    """)
    assert len(tables) > 10
    bare = {name for name, forced, policies in tables if not forced or policies != ["every_project", "one_project"]}
    assert bare - WITHOUT_WALL == set()


def test_the_web_has_no_right_on_any_partition_and_none_to_make_tables():
    assert rows("SELECT has_schema_privilege('observatory_app', 'partitions', 'USAGE')") == [(False,)]
    assert rows("SELECT has_schema_privilege('observatory_app', 'public', 'CREATE')") == [(False,)]
    readable = rows("""
        SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'partitions' AND c.relkind = 'r' AND has_table_privilege('observatory_app', c.oid, 'SELECT')
    """)
    assert readable == []


def test_nobody_bypasses_row_level_security():
    roles = rows(
        "SELECT rolname FROM pg_roles WHERE rolname LIKE 'observatory%' AND (rolbypassrls OR rolsuper OR rolcreaterole)"
    )
    assert roles == []


def test_functions_with_their_owners_rights_pin_their_search_path_and_are_not_public():
    loose = rows("""
        SELECT p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE n.nspname = 'public' AND p.prosecdef
          AND (NOT coalesce(p.proconfig::text LIKE '%search_path%', false) OR has_function_privilege('public', p.oid, 'EXECUTE'))
    """)
    assert loose == []


def test_there_is_no_default_partition_and_no_foreign_key_on_a_partitioned_table():
    assert rows("SELECT 1 FROM pg_partitioned_table WHERE partdefid <> 0") == []
    keys = rows(
        "SELECT conname FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid WHERE k.contype = 'f' AND c.relkind = 'p'"
    )
    assert keys == []
