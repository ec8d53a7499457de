# `make bench` and `make test` set up .venv by themselves, once; change PYTHON to choose another interpreter.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: bench test test-slow lint clean

bench: $(VENV)/.bench
	$(BIN)/python -m pytest benchmark/ --itl-profile embedded --itl-expect cases/expected/embedded.yaml -q -n 2

test: $(VENV)/.dev
	$(BIN)/python -m pytest tests/ -q -n 2

test-slow: $(VENV)/.dev
	$(BIN)/python -m pytest tests/ -q -m slow -n 2

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
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,train]'
	touch $@ $(VENV)/.bench

clean:
	rm -rf $(VENV)

# Runs profiles and writes what is committed of them; some two and a half hours on two cores (PROFILES="published embedded": six minutes).
.PHONY: reference
reference: $(VENV)/.bench
	$(BIN)/itl-bench reference $(PROFILES)
