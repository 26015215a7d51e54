-- The four database roles of Observatory and what they may do before any table exists.
--
-- The built-in database runs this file by itself. With your own PostgreSQL (16, 17 or 18), once, as a
-- superuser or as the role that created the database and has CREATEROLE:
--
--     createdb observatory
--     psql -d observatory -f observatory/embedded/roles.sql
--     psql -d observatory -c '\password observatory_owner'      -- likewise _app and _jobs
--
-- It may be run again at any time. Rights on tables are given by the migrations, not here.
--
--     observatory_owner    DATABASE_OWNER_URL   migrate, backup: owns the database
--     observatory_app      DATABASE_URL         the web: no DDL, row-level security per project
--     observatory_jobs     DATABASE_JOBS_URL    worker, beat and commands: no DDL
--     observatory_definer  no login             owns the partitioned tables and the SECURITY DEFINER functions

-- A role is a member of definer to be able to hand tables to it; definer is a member of nothing.
DO $$
DECLARE
    login record;
BEGIN
    FOR login IN
        SELECT * FROM (VALUES ('observatory_owner', true), ('observatory_app', true),
                              ('observatory_jobs', true), ('observatory_definer', false)) AS wanted (role, may_login)
    LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = login.role) THEN
            EXECUTE format('CREATE ROLE %I %s', login.role, CASE WHEN login.may_login THEN 'LOGIN' ELSE 'NOLOGIN' END);
        END IF;
    END LOOP;
    IF EXISTS (SELECT FROM pg_roles
               WHERE rolname IN ('observatory_owner', 'observatory_app', 'observatory_jobs', 'observatory_definer')
                 AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)) THEN
        RAISE EXCEPTION 'a role observatory_* has SUPERUSER, BYPASSRLS, CREATEROLE, CREATEDB or REPLICATION: take it away';
    END IF;
    -- Without being superuser one must be a member of owner to give the database to it.
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        EXECUTE format('GRANT observatory_owner TO %I WITH INHERIT TRUE, SET TRUE', current_user);
    END IF;
    EXECUTE format('ALTER DATABASE %I OWNER TO observatory_owner', current_database());
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT, CREATE, TEMPORARY ON DATABASE %I TO observatory_owner', current_database());
    EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO observatory_jobs', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO observatory_app', current_database());
END
$$;

GRANT observatory_definer TO observatory_owner;

-- Nobody but owner and definer makes anything in public; definer must, to be given tables there.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO observatory_app, observatory_jobs;
GRANT USAGE, CREATE ON SCHEMA public TO observatory_owner, observatory_definer;
