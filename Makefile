.PHONY: help demo test check wheel-test bench clean
.DEFAULT_GOAL := help

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.installed

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

$(READY): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "rulegate needs Python 3.11: make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Setting up $(VENV): about a minute, once"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --upgrade pip
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --group dev --editable .
	@touch $@

demo: $(READY) ## two sentiment models in an embedded registry, served on port 5000
	@exec $(BIN)/rulegate demo

test: $(READY) ## all tests but those that build distributions
	$(BIN)/python -m pytest -m "not wheel"

wheel-test: $(READY) ## build wheel and sdist, install each elsewhere, use it
	$(BIN)/python -m pytest -m wheel

check: $(READY) ## formatting, lint, types, import floors
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean: ## remove what the other targets made
	rm -rf $(VENV) build dist rulegate-demo .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
