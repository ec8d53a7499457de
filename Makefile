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

# Runs a profile and writes what is committed of it: record, report and recorded verdicts; from the embedded one also
# the README's table. On a clean commit: the record names it.
REFERENCE := reports/reference
.PHONY: reference reference-published reference-embedded
reference: reference-published reference-embedded
	$(BIN)/python -m itl_bench.report.readme $(REFERENCE)/embedded/record.json README.md

reference-published reference-embedded: reference-%: $(VENV)/.bench
	$(BIN)/python -m pytest benchmark/ --itl-profile $* -q --tb=no -n 2; test $$? -le 1
	mkdir -p $(REFERENCE)/$* && cp reports/latest/record.json $(REFERENCE)/$*/record.json
	$(BIN)/itl-bench report $(REFERENCE)/$*/record.json
	$(BIN)/itl-bench baseline accept $(REFERENCE)/$*/record.json --to cases/expected/$*.yaml --replace
