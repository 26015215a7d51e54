"""`python -m tests.faults.planted NAME`: the product's own web process, with one planted bug."""

import importlib
import os
import sys
from collections.abc import Callable
from typing import Any

from observatory.embedded import web


def main(name: str) -> None:
    """Serve until a signal comes."""
    planted = importlib.import_module(f"tests.faults.planted.{name}")
    honest = web._loader

    def loader(parent: int) -> Callable[[], Any]:
        load = honest(parent)

        def load_planted() -> Any:
            os.environ["OBSERVATORY_ROLE"] = "app"
            planted.prepare()
            return planted.wrap(load())

        return load_planted

    web._loader = loader
    web.main()


if __name__ == "__main__":
    main(sys.argv[1])
