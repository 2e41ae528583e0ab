# `make run` and `make test` set up all they need by themselves: a .venv from hash-pinned lock files.
# `make run PYTHON=/path/to/python` chooses the Python that .venv is made of.
PYTHONS := $(if $(PYTHON),"$(PYTHON)",python3.11 python3.12 python3.13 python3)
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
UV_VENV := uv venv --quiet --clear --seed
BIN := .venv/bin
SAY := printf 'error: %s\nhint: %s\n' >&2
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check

# The standard demo: 5 models on 15 endpoints, 2 prompt types × 5 task types × 10 tasks = 500 episodes.
DEMO := --model DeepSeek-V3-0324,DeepSeek-R1-0528,Llama-3.3-70B-Instruct,qwen2.5-72b-instruct,qwen2.5-32b-instruct \
	--prompt-types optimal,flawed_sequence_disorder --num-instances 10
DEMO_RESULTS := demo-results/$(shell date +%Y%m%d-%H%M%S)

.PHONY: run test torture bench lock clean

run: .venv/.runtime ## the standard demo: a real run over real HTTP against the embedded emulator
	@$(BIN)/stormproof run $(DEMO) --results "$(DEMO_RESULTS)"
	@$(BIN)/stormproof report "$(DEMO_RESULTS)" --quiet

test: .venv/.dev ## lint, spelling, import rules, types, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/codespell
	$(BIN)/lint-imports --no-cache
	$(BIN)/mypy
	$(BIN)/pytest -n 2 --dist worksteal

torture: .venv/.dev ## long soaks: kills, faults, memory; rewrites docs/reliability.md
	$(BIN)/python benchmarks/torture.py

bench: .venv/.dev ## every benchmark, one JSON line per figure; rewrites docs/speed.md
	@for b in speed footprint client suite coverage report_scale; do $(BIN)/python benchmarks/$$b.py || exit 1; done

# Python's own venv where it works; where it does not (Debian's Python may lack ensurepip) or where
# there is no Python that is new enough, uv.
.venv/bin/pip:
	@test -w . || { $(SAY) "$$PWD cannot be written by you, and .venv goes there" \
		"clone it into a folder of your own and type make there"; exit 1; }
	@for python in $(PYTHONS); do \
		"$$python" -c '$(NEW_ENOUGH)' 2>/dev/null || continue; \
		if "$$python" -c 'import ensurepip' 2>/dev/null; then exec "$$python" -m venv --clear .venv; fi; \
		if command -v uv >/dev/null; then exec $(UV_VENV) --python "$$python" .venv; fi; \
	done; \
	if test -z "$(PYTHON)" && command -v uv >/dev/null; then exec $(UV_VENV) --python '>=3.11' .venv; fi; \
	$(SAY) "no Python 3.11 or newer with ensurepip (tried $$(echo $(PYTHONS)))" \
		"install one (on Debian: apt install python3-venv), or uv, or name one: make run PYTHON=/path/to/python"; \
	exit 1

.venv/.runtime: requirements.lock pyproject.toml | .venv/bin/pip
	@echo "setting up .venv (once) ..." >&2
	@$(PIP) install --require-hashes -r requirements.lock || $(NO_PACKAGES)
	@$(PIP) install --no-deps --no-build-isolation -e . || $(NO_PACKAGES)
	@touch $@

.venv/.dev: requirements-dev.lock .venv/.runtime
	@$(PIP) install --require-hashes -r requirements-dev.lock || $(NO_PACKAGES)
	@touch $@

NO_PACKAGES := { $(SAY) "not all packages came into .venv; pip says above why" \
	"mend that and type the same again; without a network: PIP_NO_INDEX=1 PIP_FIND_LINKS=/folder/of/wheels make run"; \
	exit 1; }

# Locks hold hashes and no index address. Needs uv, for this target alone.
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header
lock: ## write both lock files anew
	$(LOCK) --extra charts --group build pyproject.toml -o requirements.lock
	$(LOCK) --extra charts --group build --group dev pyproject.toml -o requirements-dev.lock

clean:
	rm -rf .venv
