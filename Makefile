# koudai: `make` alone explains itself.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help run test chaos install check lock clean

help:  ## show what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: install  ## replay the sample year into the embedded PostgreSQL and serve the API on 127.0.0.1:8000
	@$(BIN)/koudai run

test: $(VENV)/.dev  ## run everything that CI runs
	@$(MAKE) --no-print-directory check
	@# Two at once: while one waits for its database the other computes. A file stays with one of them.
	@$(BIN)/python -m pytest -n 2 --dist loadfile

check: $(VENV)/.dev  ## run the static checks only: style, types, layers, dependencies
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry src

chaos: $(VENV)/.dev  ## kill processes and databases under load for two minutes, and prove that nothing is lost or doubled
	@$(BIN)/python scripts/chaos.py $(CHAOS)

install: $(VENV)/.run  ## make the environment .venv with the command koudai in it

$(VENV)/.run: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "koudai needs Python 3.11 or newer 需要 Python 3.11 或更新")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

lock:  ## write the two lock files anew (needs uv)
	uv pip compile pyproject.toml --extra build --generate-hashes --universal --python-version 3.11 --no-emit-index-url --no-header -o requirements.lock
	uv pip compile pyproject.toml --extra build --extra dev --generate-hashes --universal --python-version 3.11 --no-emit-index-url --no-header -o requirements-dev.lock

clean:  ## remove the environment and the caches (not the data)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
