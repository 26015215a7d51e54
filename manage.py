#!/usr/bin/env python
"""The command line of Observatory: `python manage.py help` lists what it can do."""

import os
import sys

OWNER_COMMANDS = {
    "migrate",
    "prepare",
    "makemigrations",
    "sqlmigrate",
    "showmigrations",
    "dbshell",
    "backup",
    "restore",
}


def main() -> None:
    """Choose the database role this command needs, then hand over to Django."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "observatory.settings")
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    os.environ.setdefault("OBSERVATORY_ROLE", "owner" if command in OWNER_COMMANDS else "jobs")
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    from observatory.env import BadSetting

    try:
        execute_from_command_line(sys.argv)
    except BadSetting as error:
        sys.exit(str(error))
    except EOFError:
        sys.exit(f"{command} asks at a terminal and got no answer: run it at one (docker compose exec, without -T)")
    except ImproperlyConfigured:
        if not settings.configured or not settings.DATABASE_PROBLEM:
            raise
        sys.exit(settings.DATABASE_PROBLEM)


if __name__ == "__main__":
    main()
