.DEFAULT_GOAL := help
.PHONY: help setup demo test faults format docs lock clean

BIN := .venv/bin
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check

# PYTHON=/path/to/python chooses the interpreter; otherwise the first of these that really runs and is new enough.
CANDIDATES := $(if $(PYTHON),$(PYTHON),python3.12 python3.11 python3)
USABLE := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))

# An installed lock is known by its content, so that a checkout of another commit installs again and a second call does not.
content = $(shell cat $(1) | cksum | tr ' ' '-')
RUN_STAMP := .venv/run-$(call content,pyproject.toml requirements/run.txt)
DEV_STAMP := .venv/dev-$(call content,requirements/run.txt requirements/dev.txt)

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1|\2/p' Makefile | awk -F'|' '{ printf "%-12s %s\n", $$1, $$2 }'

setup: $(DEV_STAMP) ## make .venv with everything for development, at pinned versions

demo: $(RUN_STAMP) ## make .venv with what running needs, then run the demonstration (ARGS="...")
	$(BIN)/neuralgpu demo $(ARGS)

test: setup ## the gate: format, lint, types, import direction, docs, tests (PYTEST_ARGS="...")
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports --no-logo
	$(BIN)/sphinx-build -W -E --keep-going -q docs docs/_build
	$(BIN)/pytest -n 2 $(PYTEST_ARGS)

faults: setup ## do to runs what can happen to them, for real, and write the table of docs/faults.md
	$(BIN)/python -m tests.faults

format: setup ## rewrite the code in the house format
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: setup ## build the documentation into docs/_build
	$(BIN)/sphinx-build -W -E --keep-going -q docs docs/_build

# The run lock comes first: the development lock adds to it and may not move its versions.
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest --upgrade \
	--generate-hashes --no-annotate --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"
lock: setup ## resolve the newest versions and write requirements/*.txt
	$(LOCK) pyproject.toml --group build --output-file requirements/run.txt
	$(LOCK) pyproject.toml --group build --group dev --constraints requirements/run.txt --output-file requirements/dev.txt

clean: ## remove .venv and everything that is built
	rm -rf .venv dist docs/_build .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find src tests docs -name __pycache__ -type d -prune -exec rm -rf {} +

$(RUN_STAMP):
	@for python in $(CANDIDATES); do \
		$$python -c '$(USABLE)' >/dev/null 2>&1 && exec $$python -m venv .venv; \
	done; \
	echo "None of '$(CANDIDATES)' is Python 3.11 or newer with venv; install python3-venv or use make PYTHON=/path/to/python3.12" >&2; \
	exit 1
	@echo "Installing what neuralgpu runs on into .venv (once, about a minute) ..."
	@$(PIP) install --require-hashes -r requirements/run.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@rm -f .venv/run-* && touch $@

$(DEV_STAMP): $(RUN_STAMP)
	@echo "Installing the development tools into .venv (once, about a minute) ..."
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@rm -f .venv/dev-* && touch $@
