# Needs python3.11 (or newer), make and git. `make up` is all it takes; `make test` proves it.
# Every tool is called through .venv/bin/python -m: scripts' first lines break in paths with spaces or of great length.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
RUN := $(VENV)/bin/python
INSTALL := $(RUN) -m pip install --disable-pip-version-check --no-input --quiet --no-deps --require-hashes
TESTS ?= tests
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev browser servers up test check fix bench bench-large bench-drift faults screenshots clean

help:
	@echo "make up            install what is missing and start the product; PORT=8001 make up for another port"
	@echo "make test          install and run every test; TESTS=tests/ingest for a part of them"
	@echo "make check         format, lint, types, import contracts, migrations"
	@echo "make fix           repair format and lint"
	@echo "make bench         events per second, memory and page times; make bench-drift for the drift figures"
	@echo "make bench-large   the rate at ten million stored interactions, memory over a million events; long, 40 GB"
	@echo "make faults        the long form of the promises, with every planted bug"
	@echo "make screenshots   the pictures of the documentation"
	@echo "make clean         remove the virtual environment and caches; var/, your data, stays"

setup: $(VENV)/installed
setup-dev: $(VENV)/installed-dev

$(VENV)/made:
	@test -n "$(PYTHON)" || { echo "Observatory needs Python 3.11: install it, or name it: make up PYTHON=/path/to/python3.11"; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Observatory needs Python 3.11 or newer: make up PYTHON=/path/to/python3.11")'
	@echo "Making $(VENV) ..."
	@"$(PYTHON)" -m venv --clear $(VENV)
	@touch $@

$(VENV)/installed: requirements.txt $(VENV)/made
	@echo "Installing requirements.txt (once; takes a minute) ..."
	@$(INSTALL) -r requirements.txt
	@touch $@

$(VENV)/installed-dev: requirements-dev.txt $(VENV)/installed
	@echo "Installing requirements-dev.txt ..."
	@$(INSTALL) -r requirements-dev.txt
	@touch $@

browser:
	@sh tests/browser_setup.sh

servers:
	@sh tests/servers_setup.sh

up: setup
	@exec $(RUN) manage.py up

test: setup-dev browser servers
	@exec env -u PYTHONDONTWRITEBYTECODE $(RUN) -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(TESTS) $(ARGS)

check: setup-dev
	$(RUN) -m ruff format --check .
	$(RUN) -m ruff check .
	$(RUN) -m mypy
	$(RUN) -c 'from importlinter.cli import lint_imports_command; lint_imports_command()'
	$(RUN) manage.py makemigrations --check --dry-run

fix: setup-dev
	$(RUN) -m ruff format .
	$(RUN) -m ruff check --fix .

bench: setup-dev
	@exec $(RUN) -m tests.bench $(ARGS)

bench-large: setup-dev
	@exec $(RUN) -m tests.bench --only large $(ARGS)

bench-drift: setup-dev
	@exec $(RUN) -m tests.bench.drift $(ARGS)

faults: setup-dev
	@exec $(RUN) -m tests.faults $(ARGS)

screenshots: setup-dev browser
	@exec $(RUN) -m tests.browser.screenshots $(ARGS)

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .import_linter_cache .hypothesis .pytest_cache test-results
	find . -name __pycache__ -not -path './var/*' -type d -prune -exec rm -rf {} +
