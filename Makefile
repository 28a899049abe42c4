# Two commands on a fresh machine: `make demo` and `make test`. Python 3.11 or newer is all they need.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

JOBS ?= 2
UV ?= uv
BIN := .venv/bin
# The lock is resolved for 3.11, so that comes first.
PYTHON ?= $(firstword $(foreach p,python3.11 python3 python3.12 python3.13 python3.14,\
	$(shell $(p) -c 'import sys; sys.version_info >= (3, 11) and print("$(p)")' 2>/dev/null)))

.PHONY: help
help: ## say what can be made
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

.PHONY: venv
venv: .venv/installed ## make the virtual environment .venv

NATIVE := $(wildcard clients/python/cleanroom_client/*/native/*.[ch])

.venv/installed: requirements.lock pyproject.toml $(NATIVE)
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "Installing into .venv (a minute or two, once)"
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.PHONY: demo
demo: .venv/installed ## run the main job end to end; KEEP=1 keeps what it made
	@$(BIN)/python -m cleanroom.demo $(if $(KEEP),--keep,)

.PHONY: test
test: .venv/installed ## run the tests, without the slow ones; JOBS=2 at a time
	@$(BIN)/python -m pytest -q -n $(JOBS) --dist worksteal

.PHONY: test-slow
test-slow: .venv/installed ## run all tests, with many more examples
	@CLEANROOM_SLOW=1 CLEANROOM_HYPOTHESIS=nightly $(BIN)/python -m pytest -q -n $(JOBS) --dist worksteal

PRIVACY_REPORT ?= build/privacy-report.json

.PHONY: privacy-report
privacy-report: .venv/installed ## prove the privacy claim and write what was found; CLEANROOM_SLOW=1 for the whole
	@CLEANROOM_PRIVACY_REPORT=$(PRIVACY_REPORT) $(BIN)/python -m pytest -q tests/privacy \
		-n $(JOBS) --dist worksteal
	@echo "written: $(PRIVACY_REPORT)"

.PHONY: check
check: check-python check-imports check-protos check-policies ## lint, types, layers, protocol, generated code

.PHONY: policy-files
policy-files: .venv/installed ## write policies/schema.json and the tables of keys in policies/README.md
	@$(BIN)/python tools/generate_policy_files.py

.PHONY: check-policies
check-policies: .venv/installed
	@$(BIN)/python tools/generate_policy_files.py --check

.PHONY: check-python
check-python: .venv/installed
	@$(BIN)/ruff format --check --quiet --output-format concise
	@$(BIN)/ruff check --quiet --output-format concise
	@$(BIN)/mypy

.PHONY: check-imports
check-imports: .venv/installed
	@$(BIN)/lint-imports --no-logo

.PHONY: check-protos
check-protos: .venv/installed
	@$(BIN)/python tools/generate_protos.py --check
	@if command -v npm >/dev/null; then $(MAKE) check-buf; else echo "buf lint: skipped, npm is not here"; fi

.PHONY: check-buf
check-buf: node_modules/installed
	@node_modules/.bin/buf lint proto
	@echo "buf lint: clean"

# Not `npm ci`: it refuses a lock without the binaries of platforms that its registry lacked.
node_modules/installed: package.json package-lock.json
	@npm install --no-save --ignore-scripts --loglevel=error
	@touch $@

.PHONY: format
format: .venv/installed ## format the sources and apply the safe fixes
	@$(BIN)/ruff check --fix --quiet || true
	@$(BIN)/ruff format --quiet

.PHONY: coverage
coverage: .venv/installed ## run the tests and say which lines and branches they miss
	@$(BIN)/coverage run -m pytest -q
	@$(BIN)/coverage report

.PHONY: bench
bench: .venv/installed ## measure; the figures depend on the machine
	@for file in tests/benchmarks/bench_*.py; do echo "== $$file"; $(BIN)/python "$$file"; done

.PHONY: bench-psi
bench-psi: .venv/installed ## match two files, beside other makers' systems; ARGS='100000 --only ours'
	@PYTHONPATH=tests $(BIN)/python -m benchmarks.psi $(ARGS)

.PHONY: protos
protos: .venv/installed ## generate cleanroom/v1 from proto/
	@$(BIN)/python tools/generate_protos.py

.PHONY: lock
lock: ## resolve requirements.lock anew (needs uv); UPGRADE=1 takes the newest versions
	@$(UV) pip compile pyproject.toml --all-extras --python-version 3.11 $(if $(UPGRADE),--upgrade,) \
		--generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
		--quiet --output-file requirements.lock

.PHONY: clean
clean: ## remove what the tools made, .venv too
	@rm -rf .venv node_modules build dist .coverage .hypothesis *.egg-info
	@rm -rf .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@find cleanroom clients tests tools -name __pycache__ -prune -exec rm -rf {} +
