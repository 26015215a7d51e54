"""The methods are light: a web process may import them without loading a table library or a framework."""

import subprocess
import sys

HEAVY = ("numpy", "scipy", "pandas", "django", "celery", "psycopg", "rest_framework")


def test_importing_the_methods_loads_nothing_heavy():
    modules = "rates, means, engine, dating, week, shape"
    script = (
        f"import sys; from observatory.drift.methods import {modules}; "
        "from observatory.metrics import attribution, statistics, changes; "
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
