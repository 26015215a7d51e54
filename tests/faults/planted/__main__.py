"""`python -m tests.faults.planted NAME ...`: the product's own web process, with planted bugs."""

import importlib
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from observatory.embedded import web


def main(names: Sequence[str]) -> None:
    """Serve until a signal comes."""
    bugs = [importlib.import_module(f"tests.faults.planted.{name}") for name in names]
    honest = web._loader

    def loader(parent: int) -> Callable[[], Any]:
        load = honest(parent)

        def load_planted() -> Any:
            os.environ["OBSERVATORY_ROLE"] = "app"
            for bug in bugs:
                bug.prepare()
            application = load()
            for bug in bugs:
                application = bug.wrap(application)
            return application

        return load_planted

    web._loader = loader
    web.main()


if __name__ == "__main__":
    main(sys.argv[1:])
