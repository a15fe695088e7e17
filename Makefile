# `make demo` and `make test` set everything up by themselves; `make help` lists the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PYTEST := $(BIN)/python -m pytest
# Most tests wait for processes, so that more of them run than there are processors; a file's tests stay together.
WORKERS ?= 4
SOURCES := core client_sdk server escrow cli testing
# Debian packages that the suite needs beyond python3 and make.
DEBIAN_PACKAGES := python3-venv

.DEFAULT_GOAL := all
.PHONY: all help setup demo test soak check mutate bench docs proto lock clean

all: $(STAMP) ## build the virtual environment in .venv

help: ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | expand -t 12

setup: ## install the Debian packages that are missing (as root), or print the line
	@if $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null; then \
		echo "Nothing to install: python3 has venv."; \
	elif [ "$$(id -u)" = 0 ]; then \
		apt-get update -q && apt-get install -q -y --no-install-recommends $(DEBIAN_PACKAGES); \
	else \
		echo "Run this line, then try again: sudo apt-get install -y $(DEBIAN_PACKAGES)"; exit 1; \
	fi

$(STAMP): pyproject.toml requirements/dev.lock
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || $(MAKE) --no-print-directory setup
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements/dev.lock
	$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
	@echo "Ready: $(BIN)/tapeline"

demo: $(STAMP) ## run the whole story with real processes on loopback
	$(BIN)/tapeline demo

test: $(STAMP) ## run the functional suite (under 20 minutes)
	$(PYTEST) -n $(WORKERS) --dist loadfile -m "not soak" tests

soak: $(STAMP) ## run the long repeats
	TAPELINE_FUZZ=2000 $(PYTEST) -m "soak or fuzz" tests

check: $(STAMP) ## style, types, import contracts, fresh stubs and locks, documentation
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/generate_protos.py --check
	$(BIN)/python tools/check_locks.py
	$(BIN)/python tools/rule_table.py --check
	$(MAKE) --no-print-directory docs

mutate: $(STAMP) ## turn off each check in turn; a test must fail
	$(BIN)/python tools/mutate.py

bench: $(STAMP) ## measure; JSON and a plot go to benchmarks/results/
	$(BIN)/python -m benchmarks

docs: $(STAMP) ## build the documentation, warnings are errors
	$(BIN)/sphinx-build -q -W --keep-going -b html docs docs/_build/html

proto: $(STAMP) ## regenerate the wire stubs
	$(BIN)/python tools/generate_protos.py

lock: ## resolve the dependencies again (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header --extra all pyproject.toml -o requirements/all.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header --extra dev pyproject.toml requirements/build.in -o requirements/dev.lock

clean: ## remove what make built
	rm -rf $(VENV) docs/_build build dist
