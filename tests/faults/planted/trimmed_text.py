"""R3: texts are trimmed on their way in, as many a framework's serializers do by default."""

import json
from collections.abc import Iterable

from tests.faults.planted.wsgi import Application, Environ, Start, body_of, is_record, with_body


def prepare() -> None:
    """Leave the settings alone."""


def wrap(application: Application) -> Application:
    """Trim every output."""

    def tidy(environ: Environ, start: Start) -> Iterable[bytes]:
        if not is_record(environ):
            return application(environ, start)
        items = [{**item, "output": item["output"].strip()} for item in json.loads(body_of(environ))]
        return application(with_body(environ, json.dumps(items).encode()), start)

    return tidy
