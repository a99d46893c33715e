# Everything that can be done here begins with make: `make help` lists it. Variables: PYTHON, VENV, JOBS, ARGS.

VENV ?= .venv
# Tests wait for other processes a good part of their time: four workers for two cores used three quarters of them.
JOBS ?= $(shell echo $$(( $$(getconf _NPROCESSORS_ONLN) * 2 )))
BIN := $(VENV)/bin

# Stamps say which extras are installed; they are older than these once a dependency changes, of Python or of the pages.
MADE_OF := pyproject.toml hatch_build.py web-build/package.json web-build/package-lock.json
RUN := $(VENV)/.installed
TEST := $(VENV)/.installed-test

.DEFAULT_GOAL := help
.PHONY: help demo install test lint fmt docs screenshots benchmark soak chaos clean system

help: ## List what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 20

demo: $(RUN) ## Record three simulated cameras and show what to look at; needs nothing but Python
	@$(BIN)/holdfast demo $(ARGS)

install: $(RUN) ## Make the virtual environment and install Holdfast into it

test: $(TEST) system lint ## Lint, types, floors and all tests; installs or names what they need
	$(BIN)/pytest -n $(JOBS) --dist worksteal -m "not soak" $(ARGS)

lint: $(TEST) ## Style, types and floors
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

fmt: $(TEST) ## Format, and mend what ruff can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(TEST) ## Write again what in docs/ is generated from the code
	$(BIN)/python tools/docs.py

screenshots: $(TEST) system ## Pictures of the pages into docs/images; ARGS="--all --out DIR" for every page, size, theme
	$(BIN)/python tools/screenshots.py $(ARGS)

benchmark: $(TEST) ## Holdfast against its peers, 1 to 32 cameras; ARGS="--cameras 1,4 --seconds 10" for a short one
	$(BIN)/python benchmarks/record.py $(ARGS)

soak: $(TEST) system ## Tests that run for minutes to hours
	$(BIN)/pytest -m soak -k "not chaos" --timeout 0 -s $(ARGS)

chaos: $(TEST) system ## The seeded fault script, and processes killed at random; for minutes to hours
	$(BIN)/pytest -m soak -k chaos --timeout 0 -s $(ARGS)

clean: ## Remove the virtual environment and everything that tools left behind
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis benchmarks/results
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

system: $(TEST)
	@tools/system-packages $(BIN)/python

$(RUN): $(MADE_OF)
	@PYTHON="$(PYTHON)" tools/make-venv $(VENV) .
	@touch $@

$(TEST): $(MADE_OF)
	@PYTHON="$(PYTHON)" tools/make-venv $(VENV) ".[test]"
	@touch $@ $(RUN)
