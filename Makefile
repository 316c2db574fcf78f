# Plain `make` lists the targets.
.DEFAULT_GOAL := help
SHELL := /bin/bash

PYTHON ?= $(shell command -v python3.11 || echo python3)
BIN := .venv/bin
AS_ROOT := $(if $(filter-out 0,$(shell id -u)),sudo --preserve-env,)
SERIAL := docker or trains or browser or postgres

.PHONY: help setup run fill-boards test test-full check format images lock bench-scoring bench-web bench-workloads bench-data clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Everything run and test need: environment, packages, engine, images, data, database
	@$(PYTHON) deploy/setup.py

run: setup ## Set up, then serve http://127.0.0.1:8000 with one local host; Ctrl-C ends everything
	@exec $(AS_ROOT) $(BIN)/python manage.py serve

fill-boards: setup ## Run the reference submissions in the sandbox, for hours; goes on where it was; ARGS=--quick
	@exec $(AS_ROOT) $(BIN)/python manage.py fill_boards $(ARGS)

# Tests that share the machine run two at a time, their programs for XLA unoptimized, since they run once; whatever trains
# for its own sake, drives Docker or a browser runs alone.
test: setup ## Set up, then the whole suite but the tests marked `full`
	@status=0; \
	OMP_NUM_THREADS=1 JAX_DISABLE_MOST_OPTIMIZATIONS=1 $(AS_ROOT) $(BIN)/pytest -n 2 -m "not ($(SERIAL) or full)" || status=$$?; \
	$(AS_ROOT) $(BIN)/pytest -m "($(SERIAL)) and not full" || status=$$?; \
	exit $$status

test-full: test ## The suite and the tests that take minutes
	@$(AS_ROOT) $(BIN)/pytest -m full

check: ## Lint, types, templates, missing migrations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	git ls-files '*.py' | xargs $(BIN)/django-upgrade --check --target-version 5.2
	git ls-files '*.html' | xargs --no-run-if-empty $(BIN)/djade --check --target-version 5.2
	$(BIN)/python manage.py makemigrations --check --dry-run

format: ## Put Python and templates into their usual form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	git ls-files '*.html' | xargs --no-run-if-empty $(BIN)/djade --target-version 5.2

images: ## Build the sandbox images of the current tree
	@$(AS_ROOT) $(BIN)/python -m sandbox_runner.host.images

lock: ## Resolve the pins of pyproject.toml into both hashed locks
	$(BIN)/uv pip compile -q --generate-hashes --no-emit-index-url --extra ml --extra data --extra dev \
	  --python-version 3.11 pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile -q --generate-hashes --no-emit-index-url --python-version 3.11 -c requirements.lock \
	  deploy/sandbox/requirements.in -o deploy/sandbox/requirements.lock

bench-scoring: ## CPU seconds and memory of scoring the competition's logs, beside pandas
	@$(BIN)/python -m benchmarks.bench_scoring

bench-web: ## What pages cost: rendered, cached, and beside a plain file; wants PostgreSQL and nginx
	@$(BIN)/python -m benchmarks.web

bench-workloads: ## Steps per second and peak memory of every workload, eager, compiled and in JAX
	@$(BIN)/python -m benchmarks.bench_workloads

bench-data: ## Examples per second of every data pipeline, what training waits for, decoding beside plain Pillow
	@$(BIN)/python -m benchmarks.bench_data

clean: ## Remove the environment and all state: engine, images, data, database
	$(AS_ROOT) rm -rf .venv var .mypy_cache .ruff_cache .pytest_cache
