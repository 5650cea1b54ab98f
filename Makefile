.PHONY: help demo test slow-test check wheel-test grammar reference bench bench-condition fuzz mutate clean soak bench-serving
.DEFAULT_GOAL := help

# The first of these that is Python 3.11 or newer; `make PYTHON=…` names another.
PYTHON ?= $(shell for python in python3.11 python3 python3.12 python3.13 python; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$python; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.installed
PEERS := build/bench-peers
MLSERVER := build/bench-mlserver
FUZZER := build/fuzzer
MUTATOR := build/mutator
INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check --constraint constraints.txt

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

$(READY): pyproject.toml constraints.txt
	@test -x $(BIN)/python || test -n "$(PYTHON)" || { echo "rulegate needs Python 3.11 or newer: make PYTHON=/path/to/python"; exit 1; }
	@echo "setting up $(VENV), once; this takes a minute or two …"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(INSTALL) --upgrade pip
	@$(INSTALL) --build-constraint constraints.txt --group dev --editable .
	@touch $@

demo: $(READY) ## two sentiment models in an MLflow registry, served on port 5000
	@exec $(BIN)/rulegate demo $(OPTIONS)

test: $(READY) ## all tests but those of slow-test and wheel-test
	@$(BIN)/python -m pytest -m "not wheel and not slow"

slow-test: $(READY) ## faults that take their time, and models in environments of their own
	@$(BIN)/python -m pytest -m slow

wheel-test: $(READY) ## build wheel and sdist, install them elsewhere, use them there
	@$(BIN)/python -m pytest -m wheel

check: $(READY) ## formatting, lint, types, import floors
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

grammar: $(READY) ## write the parser's tables after a change of grammar/condition.lark
	@$(BIN)/python -m rulegate.condition.tabulate

reference: $(READY) ## write the tables of docs/configuration.md after a change of the settings
	@$(BIN)/python -m rulegate.config.reference docs/configuration.md

bench: $(READY) ## every benchmark beside its peers; bench-NAME runs one
	@for name in first_request condition compile routing overhead serving cold density memory reload; do $(MAKE) --no-print-directory bench-$$name || exit 1; done

bench-%: $(READY)
	@$(BIN)/python -m benchmarks.$* $(OPTIONS)

bench-condition: $(READY) $(PEERS)/.installed
	@PYTHONPATH=$(PEERS) $(BIN)/python -m benchmarks.condition $(OPTIONS)

$(PEERS)/.installed: $(READY) benchmarks/requirements.txt
	@$(INSTALL) --upgrade --target $(PEERS) --requirement benchmarks/requirements.txt
	@touch $@

soak: $(READY) ## loads, unloads, refreshes and kills under load, ten minutes; fails on a lost request or a leak
	@$(BIN)/python -m benchmarks.soak $(OPTIONS)

bench-serving: $(READY) $(MLSERVER)/.installed
	@$(BIN)/python -m benchmarks.serving $(OPTIONS)

# In an environment of its own, not a folder beside rulegate's: it wants other versions of what both use.
$(MLSERVER)/.installed: $(READY) benchmarks/requirements-mlserver.txt
	@test -x $(MLSERVER)/bin/python || $(BIN)/python -m venv $(MLSERVER)
	@$(MLSERVER)/bin/python -m pip install -qq --disable-pip-version-check --requirement benchmarks/requirements-mlserver.txt
	@touch $@

fuzz: $(READY) $(FUZZER)/.installed ## the condition language against a coverage-guided fuzzer, two minutes
	@PYTHONPATH=$(FUZZER) $(BIN)/python -m fuzz $(OPTIONS)

$(FUZZER)/.installed: $(READY) fuzz/requirements.txt
	@$(INSTALL) --upgrade --target $(FUZZER) --requirement fuzz/requirements.txt
	@touch $@

mutate: $(READY) $(MUTATOR)/.installed ## breaks checker and compiler in every place, shows what no test notices
	@PYTHONPATH=$(MUTATOR) $(BIN)/python -m mutation $(OPTIONS)

$(MUTATOR)/.installed: $(READY) mutation/requirements.txt
	@$(INSTALL) --upgrade --target $(MUTATOR) --requirement mutation/requirements.txt
	@touch $@

clean: ## remove what the other targets made
	rm -rf $(VENV) build dist rulegate-demo .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
