# Two commands: `make demo` and `make test`. Only Python 3.11 and make are presumed.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.answerloop-installed
UV := uv==0.13.9
PYTEST := $(BIN)/python -m pytest
# Tests that run side by side: most of them wait, for processes to start, faults to last.
JOBS ?= 3
# Without compiled Python kept, each of the thousand processes of a test run compiles it all anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help install demo test test-long test-ollama check format bench bench-compare lock clean

help: ## Show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

install: $(STAMP) ## Install everything into .venv

$(STAMP): requirements.lock setup.cfg
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null \
	  || { echo "make: Python 3.11 is needed: make PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing (torch is large: a minute with a fast network, several without) ..."
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null
	@if $(BIN)/python -m pip install -q --disable-pip-version-check "$(UV)"; then \
	  $(BIN)/python -m uv pip install -q --python $(BIN)/python --no-deps -r requirements.lock; \
	else \
	  $(BIN)/python -m pip install -q --no-deps -r requirements.lock; \
	fi
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)

demo: install ## Answer the sample questions for real: embedded log, PostgreSQL, model and BERTScore
	@mkdir -p data/demo
	@ANSWERLOOP_DATA_DIR=data/demo ANSWERLOOP_LLM=$${ANSWERLOOP_LLM:-bundled:} \
	  $(BIN)/answerloop run app/samples/questions.jsonl --out data/demo/results.csv

test: install check ## Run all checks and tests, on real Kafka, PostgreSQL, Redis and models
	@for tool in java mvn; do command -v $$tool >/dev/null \
	  || echo "make: $$tool is missing: the Kafka tests are skipped (in CI they fail)"; done
	@echo "two calls: the tests side by side, then those that measure, alone"; status=0; \
	$(PYTEST) -n $(JOBS) --dist loadfile --no-loadscope-reorder --max-worker-restart 0 \
	  --durations 40 -m "not alone and not long and not ollama" || status=1; \
	$(PYTEST) --durations 10 -m "alone and not long and not ollama" || status=1; exit $$status

test-long: install ## The longer forms of the reliability tests (about an hour)
	$(PYTEST) -m long --timeout 5400

test-ollama: install ## Build the real Ollama server once (10-17 minutes) and test with it
	ANSWERLOOP_TEST_OLLAMA=1 $(PYTEST) -m ollama --timeout 3600

check: install ## Format, lint, types, import rules: what CI checks before the tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: install ## Format the code and mend what ruff can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: install ## Measure all, each beside its peer in one run (QUICK=1: 5 minutes)
	$(BIN)/python -m bench $(if $(QUICK),--quick)

bench-compare: install ## Measure two commits by turns: BASE=commit [HEAD=commit] [ONLY=bench]
	$(BIN)/python -m bench.compare $(or $(BASE),$(error BASE=commit is needed)) $(HEAD) $(if $(ONLY),--only $(ONLY))

lock: ## Resolve requirements.in anew
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q "$(UV)"
	@$(BIN)/python -m uv pip compile -q --generate-hashes --no-header --no-annotate requirements.in -o requirements.lock.all
	@$(BIN)/python -m uv pip compile -q --generate-hashes --no-header --no-annotate --no-deps requirements-models.in -o requirements.lock.models
	@cat requirements.lock.all requirements.lock.models > requirements.lock
	@rm requirements.lock.all requirements.lock.models
	@$(BIN)/python -m uv pip compile -q --generate-hashes --no-header --no-annotate --no-deps --torch-backend cpu --python-version 3.11 docker/image.in -o docker/image.lock

clean: ## Remove what tests, demo and builds left (not .venv)
	rm -rf data build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
