# Two commands do everything: `make demo` and `make test`. Each makes its own virtual environment and installs what it needs.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Byte code is written when a module is first used: a smaller and quicker install.
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# Measured against in the same run; see pyproject.toml on why without dependencies.
PEERS := trackers==2.6.1 supervision==0.31.2 trackeval==1.3.0
# A real S3 server for the tests, in an environment of its own: it holds packages below versions that others here want.
SERVERS := 'moto[s3]>=5.1' flask flask-cors
# Training on this machine's processor needs no CUDA; a pinned version keeps pip from taking a newer build with gigabytes of it.
TORCH ?= torch==2.13.0
# Unit tests and the docs' commands run side by side; those with whole processes, servers and browsers after them, alone.
WORKERS ?= 2
SRC := src tests benchmarks

.DEFAULT_GOAL := help
.PHONY: help demo run test test-all check format bench bench-capacity clean

help: ## Show what there is to do
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	@$(PYTHON) scripts/make_venv.py $(VENV)

# A stamp a purpose: installing again happens only when pyproject.toml changes.
$(VENV)/.installed-base: pyproject.toml | $(BIN)/python
	@echo "installing panops into $(VENV) ..."
	@$(PIP) install --no-compile -e .
	@touch $@

$(VENV)/.installed-test: pyproject.toml scripts/install_test_packages.sh | $(BIN)/python
	@echo "installing panops with its tests and checks into $(VENV) ..."
	@$(PIP) install --no-compile $(TORCH)
	@$(PIP) install --no-compile -e '.[onnxruntime,litert,train,phones,apprise,test,check]'
	@$(PIP) install --no-compile --no-deps $(PEERS)
	@$(PYTHON) scripts/make_venv.py $(VENV)/servers
	@$(VENV)/servers/bin/python -m pip --disable-pip-version-check --quiet install --no-compile $(SERVERS)
	@bash scripts/install_test_packages.sh
	@touch $(VENV)/.installed-base $@

demo: $(VENV)/.installed-base ## Start panops with a simulated site and print its address
	@$(BIN)/panops demo

# Files in their order, not those with most tests first: the long ones, with whole processes and trainings, would be the last, on one core.
# Both parts run whatever the first one finds: one run tells all that fails. The few that do are asked once more, alone: docs/decisions/0014-tests-asked-again.md.
test: $(VENV)/.installed-test ## Run the tests (about three quarters of an hour on two cores)
	@failed=0; \
	$(BIN)/python scripts/run_tests.py -m "not slow" -n $(WORKERS) --dist loadfile --no-loadscope-reorder tests/docs tests/unit || failed=1; \
	$(BIN)/python scripts/run_tests.py -m "not slow" --ignore tests/unit --ignore tests/docs || failed=1; \
	exit $$failed

test-all: $(VENV)/.installed-test ## Run every test, the long ones too
	@$(BIN)/python -m pytest

check: $(VENV)/.installed-test ## Format, lint, types, import contracts; every test can be imported
	@$(BIN)/ruff format --check $(SRC)
	@$(BIN)/ruff check $(SRC)
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest --collect-only -qqq

format: $(VENV)/.installed-test ## Format the code and mend what the linter can
	@$(BIN)/ruff check --fix $(SRC)
	@$(BIN)/ruff format $(SRC)

bench: $(VENV)/.installed-test ## Measure on this machine; results as JSON in benchmarks/results
	@$(BIN)/python -m benchmarks

bench-capacity: $(VENV)/.installed-test ## Find how many cameras this machine carries, beside a peer; takes half an hour
	@$(BIN)/python -m benchmarks.capacity

clean: ## Remove what the other targets made
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache dist build
