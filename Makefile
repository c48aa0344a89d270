# `make` lists what there is. All it needs is make and Python 3.11 or 3.12.
SHELL := /bin/bash
# The first that runs and fits: a name alone may be a version manager's shim with nothing behind it.
FITS := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))
PYTHON ?= $(shell for p in python3 python3.12 python3.11; do $$p -c '$(FITS)' 2>/dev/null && { echo $$p; break; }; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip
STAMP := .venv/.installed
ARGS ?=
GIVES_WAY := nice -n 5
# Processes start by the hundred: each would compile every module anew where the environment forbids to keep that.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help install demo test check lint types imports kernels tests format clean
.PHONY: tests-alone tests-engine tests-pages tests-rest tests-stories
.PHONY: attack bench bench-browser bench-collector bench-connections bench-kernels bench-replay bench-streams cold
.PHONY: faults fuzz judge-faults parity screenshots soak stock takeover

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | awk -F'\t' '{printf "  make %-13s %s\n", $$1, $$2}'

install: $(STAMP) ## Make .venv with everything, pinned

$(STAMP): pyproject.toml deploy/constraints.txt
	@test -n "$(PYTHON)" && $(PYTHON) -c '$(FITS)' || \
	  { echo "aisle needs Python 3.11 or 3.12: install it, or name it: make PYTHON=/path/to/python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' || { echo "Python's venv is missing: install it (Debian: python3-venv)."; exit 1; }
	@echo "Installing into .venv (once; a few minutes)"
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
# uv takes a fraction of pip's time; where it cannot be had, or does not reach an index that pip was told of, pip does it.
	$(PIP) install --quiet -c deploy/constraints.txt uv && \
	  $(BIN)/uv pip install --python $(BIN)/python -c deploy/constraints.txt -e '.[dev]' || \
	  $(PIP) install --progress-bar on -c deploy/constraints.txt -e '.[dev]'
	@echo "Compiling the largest packages (once)"
	@$(BIN)/python -W ignore -c 'import sentence_transformers'
	@touch $@

demo: $(STAMP) ## Run the demo: a shop, shoppers, a live view (ARGS="--for 40 --json")
	@$(BIN)/aisle demo $(ARGS)

test: check ## The same as check

check: lint imports ## Everything CI runs: lint, types, import rules, tests
	@$(MAKE) --no-print-directory -j5 types tests-alone tests-stories tests-engine tests-rest
	@$(MAKE) --no-print-directory tests-pages

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(GIVES_WAY) $(BIN)/mypy

imports: $(STAMP)
	$(BIN)/lint-imports

# Once, before tests start workers that would each do it at the same time.
kernels: $(STAMP)
	@echo "Compiling kernels (once)"
	@$(BIN)/python -c 'from models.warm_up import warm_up; warm_up()'

tests: $(STAMP) ## Only the tests (ARGS="-k brokers")
	$(BIN)/pytest $(ARGS)

# Four lanes. Three wait for brokers and workers half of the time, so the one that only computes gives way to them.
e2e = $(patsubst %,tests/e2e/test_%.py,$(1))
ALONE := $(call e2e,demo faults refusals run)
ENGINE := $(call e2e,snapshots stream_engine transactions upgrades) tests/contract tests/integration
STORIES := $(filter-out $(ALONE) $(ENGINE),$(wildcard tests/e2e/test_*.py))

# What starts its brokers itself; the next two lanes share one Kafka each.
tests-alone: kernels
	$(BIN)/pytest $(ARGS) $(ALONE)

tests-stories: kernels
	$(BIN)/pytest $(ARGS) $(STORIES)

tests-engine: kernels
	$(BIN)/pytest $(ARGS) $(ENGINE)

tests-rest: kernels
	$(GIVES_WAY) $(BIN)/pytest $(ARGS) $(addprefix --ignore=,tests/e2e tests/contract tests/integration tests/browser)

# After the others: what a person does in a browser takes its time, and is measured in it.
tests-pages: kernels
	$(BIN)/pytest $(ARGS) tests/browser

format: $(STAMP) ## Format the code
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

bench: $(STAMP) ## Measure latency and throughput on real Kafka, write docs/benchmarks.md
	@$(BIN)/python tests/bench $(ARGS)

bench-kernels: $(STAMP) ## Measure learning, one decision and memory at 50,000 products, without Kafka
	@OPENBLAS_NUM_THREADS=1 $(BIN)/python tests/bench/kernels.py $(ARGS)

bench-collector: $(STAMP) ## Measure how many events one gateway on one core takes (ARGS="--seconds 20 --json")
	@$(BIN)/python tests/bench/collector.py $(ARGS)

faults: $(STAMP) ## Kill workers and broker on real Kafka, count what is lost (ARGS="--seed 2 --faults 60 --json")
	@$(BIN)/python -m tests.faults $(ARGS)

judge-faults: $(STAMP) ## Slates on real Kafka while the language model fails in every way (ARGS="--pairs 5 --seconds 60")
	@$(BIN)/python tests/bench/judge_faults.py $(ARGS)

fuzz: $(STAMP) ## Feed every decoder broken input (ARGS="--inputs 1000000 --seed 2 --json"; the extra fuzz sees coverage)
	@$(BIN)/python -m tests.fuzz $(ARGS)

attack: $(STAMP) ## How far visitors can push one product up on everybody's home slates (ARGS="--visitors 1 50")
	@$(BIN)/python -m tests.attack $(ARGS)

parity: $(STAMP) ## Record traffic on real Kafka, kill a worker, prove every slate (ARGS="--slates 10000 --json")
	@$(BIN)/python -m tests.parity $(ARGS)

cold: $(STAMP) ## First clicks of new visitors against what they were shown (ARGS="--events 60000")
	@$(BIN)/python -m tests.cold $(ARGS)

bench-connections: $(STAMP) ## 10,000 held connections on one gateway, and whether it answers others (ARGS="--connections 500")
	@PYTHONPATH=$(CURDIR):$(CURDIR)/tests/bench $(BIN)/python tests/bench/connections.py $(ARGS)

bench-replay: $(STAMP) ## How fast a replay goes beside a worker that catches up
	@PYTHONPATH=$(CURDIR):$(CURDIR)/tests/bench $(BIN)/python tests/bench/replaying.py $(ARGS)

bench-streams: $(STAMP) ## 5,000 open streams on one gateway (ARGS="--streams 500 --rate 100 --broker maven")
	@PYTHONPATH=$(CURDIR):$(CURDIR)/tests/bench $(BIN)/python tests/bench/open_streams.py $(ARGS)

bench-browser: $(STAMP) ## From a click on a page to the shelf that answers it, in a browser, on real Kafka (ARGS="--clicks 80")
	@HF_HUB_OFFLINE=1 PYTHONPATH=$(CURDIR):$(CURDIR)/tests/bench $(BIN)/python tests/bench/browser.py $(ARGS)

screenshots: $(STAMP) ## Take the pictures of docs/images: the shop and the console, wide and on a phone
	@AISLE_SCREENSHOTS=1 $(BIN)/pytest tests/browser/test_console_e2e.py -k look_like

takeover: $(STAMP) ## Measure start, takeover, rolling restart and a backlog, write docs/takeover.md
	@$(BIN)/python tests/bench/takeover.py $(ARGS)

stock: $(STAMP) ## Stock Faust and aisle under the same faults, counted; writes docs/operations.md (ARGS="--seed 2 --json")
	@$(BIN)/python -m tests.stock $(ARGS)

soak: $(STAMP) ## Run a worker at half its capacity for long, write docs/soak.md (ARGS="--minutes 60")
	@$(BIN)/python tests/bench/soak.py $(ARGS)

clean: ## Remove what was made, but not .venv
	rm -rf build dist .aisle .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
