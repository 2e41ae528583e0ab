# `make run` and `make test` set up all they need by themselves: a .venv from hash-pinned lock files.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check

# The standard demo: 5 models on 15 endpoints, 2 prompt types × 5 task types × 10 tasks = 500 episodes.
DEMO := --model DeepSeek-V3-0324,DeepSeek-R1-0528,Llama-3.3-70B-Instruct,qwen2.5-72b-instruct,qwen2.5-32b-instruct \
	--prompt-types optimal,flawed_sequence_disorder --num-instances 10
DEMO_RESULTS := demo-results/$(shell date +%Y%m%d-%H%M%S)

.PHONY: run test lint types unit torture bench lock clean

run: .venv/.runtime ## the standard demo: a real run over real HTTP against the embedded emulator
	@$(BIN)/stormproof run $(DEMO) --results $(DEMO_RESULTS)
	@$(BIN)/stormproof report $(DEMO_RESULTS) --quiet

test: .venv/.dev ## lint, import rules, types, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/mypy
	$(BIN)/pytest -n 2 --dist worksteal

torture: .venv/.dev ## long soaks: kills, faults, memory; rewrites docs/reliability.md
	$(BIN)/python benchmarks/torture.py

bench: .venv/.dev ## every benchmark, one JSON line per figure
	@for b in capacity_sim shared_sim capacity scaling overhead footprint client suite coverage report_scale peers; do $(BIN)/python benchmarks/$$b.py || exit 1; done

.venv/.runtime: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Stormproof needs Python 3.11 or newer on the PATH"; exit 1; }
	@echo "setting up .venv (once) ..." >&2
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

.venv/.dev: requirements-dev.lock .venv/.runtime
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

# Locks hold hashes and no index address. Needs uv, for this target alone.
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header
lock: ## write both lock files anew
	$(LOCK) --group build pyproject.toml -o requirements.lock
	$(LOCK) --group build --group dev pyproject.toml -o requirements-dev.lock

clean:
	rm -rf .venv
