# What people and CI run. Everything sets itself up: `make test` on a fresh clone is enough.
# Needs make and Python 3.11 or newer with venv.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
PYTEST_ARGS ?= -n auto

.DEFAULT_GOAL := help
.PHONY: help setup demo test system-packages lint format types imports examples docs bench \
	check constraints clean

help: ## show these lines
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 18

setup: $(INSTALLED) ## make .venv with the tested versions of everything

# PyTorch goes first and alone, so that a CPU build is taken where the package index offers one.
$(INSTALLED): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "python3.11 or newer is needed, with venv" >&2; exit 1; }
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed" if sys.version_info < (3, 11) else 0)'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) \
		|| { rm -rf $(VENV); echo "on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	$(BIN)/python -m pip install -qq --constraint constraints.txt torch
	$(BIN)/python -m pip install -qq --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: setup ## simulate a survey, train, score and report, in demo_output/
	$(BIN)/python scripts/demo.py

test: setup system-packages ## unit and integration tests, doctests and the examples of the docs
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(PYTEST_ARGS)

system-packages:
	@scripts/install_system_packages.sh

lint: setup ## ruff: rules and format
	$(BIN)/ruff check
	$(BIN)/ruff format --check

format: setup ## let ruff mend what it can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

types: setup ## mypy, strict
	$(BIN)/mypy

imports: setup ## the layers of ARCHITECTURE.md, checked
	$(BIN)/lint-imports

examples: setup ## the code of README, docs and docstrings, run (make test runs it too)
	$(BIN)/python -m pytest -q src tests/docs

docs: setup ## the HTML documentation, in docs/_build/html; warnings are errors
	$(BIN)/python -m sphinx -W --keep-going --quiet -b html docs docs/_build/html

bench: setup ## speed and memory of scoring on this machine
	$(BIN)/skyvet simulate night --out demo_output/bench_night --n 1000
	$(BIN)/skyvet bench score demo_output/bench_night

check: test lint types imports docs ## all that CI checks

constraints: setup ## pin what .venv holds
	@head -2 constraints.txt > constraints.new
	@$(BIN)/python -m pip freeze --exclude-editable | sed -E 's/^(torch==[0-9.]+)\+.*/\1/' >> constraints.new
	@mv constraints.new constraints.txt

clean: ## remove .venv, caches and what docs and demo made
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	rm -rf docs/_build docs/api/generated demo_output
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
