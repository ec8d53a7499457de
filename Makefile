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
	$(BIN)/python -m pytest tests/ -q -m slow

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

# Runs profiles and writes what is committed of them: records, reports, recorded verdicts and the README's table; some 80
# minutes on two cores, five minutes without the last (PROFILES="published embedded"). On a clean commit, which the records name:
# nothing tracked is written before all have run. The record of the pilot on a real model, where there is one, stays as it is.
REFERENCE := reports/reference
PILOT = $(wildcard $(REFERENCE)/small-quick/record.json)
PROFILES := published embedded bios-full
.PHONY: reference
reference: $(VENV)/.bench
	for profile in $(PROFILES); do \
	    $(BIN)/python -m pytest benchmark/ --itl-profile $$profile --itl-report build/$$profile -q --tb=no -n 2; \
	    test $$? -le 1 || exit 1; \
	done
	for profile in $(PROFILES); do \
	    mkdir -p $(REFERENCE)/$$profile && \
	    cp build/$$profile/latest/record.json $(REFERENCE)/$$profile/ && \
	    $(BIN)/itl-bench report $(REFERENCE)/$$profile/record.json && \
	    $(BIN)/itl-bench baseline accept $(REFERENCE)/$$profile/record.json --to cases/expected/$$profile.yaml --replace \
	    || exit 1; \
	done
	$(BIN)/python -m itl_bench.report.readme $(REFERENCE)/bios-full/record.json $(PILOT) README.md
