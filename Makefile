# One command each: install, run, check, test. Needs python3 >= 3.11 and make; everything else goes into .venv.
# ARGS is handed on, e.g. make test ARGS="-k cursors", make demo ARGS="--size small".

PYTHON ?= python3
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
FUZZ := .fuzz
MINUTES ?= 10
UV := $(BIN)/uv
INTO_VENV := --quiet --python $(BIN)/python
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

# A private index is configured once, in pip's own variable.
ifdef PIP_INDEX_URL
export UV_DEFAULT_INDEX ?= $(PIP_INDEX_URL)
endif

.DEFAULT_GOAL := help
.PHONY: help install demo serve test differential fuzz check format bench lock web browser clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r name text; do \
		printf '  make %-12s %s\n' "$$name" "$$text"; done

install: $(VENV)/.dev ## make .venv with everything that work on the code needs

demo: $(VENV)/.runtime ## a whole pretend distributor and Supplygraph over it; Ctrl-C stops all
	@$(BIN)/supplygraph demo $(ARGS)

serve: $(VENV)/.runtime ## serve a manifest: make serve ARGS="--manifest supplygraph.yaml"
	@$(BIN)/supplygraph serve $(ARGS)

test: $(VENV)/.dev browser ## the whole test suite
	$(BIN)/pytest -n 2 --dist loadgroup $(ARGS)

differential: $(VENV)/.dev ## random operations on both engines: ARGS="--cases 20000 --from 7000"
	$(BIN)/python -m tests.differential $(ARGS)

fuzz: $(VENV)/.dev $(FUZZ)/.ready ## schemathesis over the GraphQL schema: make fuzz MINUTES=2
	$(BIN)/python -m tests.fuzz --minutes $(MINUTES) $(ARGS)

check: $(VENV)/.dev ## style, format, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: $(VENV)/.dev ## put the code into its one form
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format --quiet .

bench: $(VENV)/.dev ## measure
	$(BIN)/python -m bench $(ARGS)

lock: $(UV) ## write the lock files anew; ARGS=--upgrade takes newer versions
	echo 'uv>=0.13,<0.14' | $(COMPILE) $(ARGS) - --output-file requirements-uv.lock
	$(COMPILE) $(ARGS) pyproject.toml --output-file requirements.lock
	$(COMPILE) $(ARGS) pyproject.toml --group dev --constraints requirements.lock --output-file requirements-dev.lock
	$(COMPILE) $(ARGS) --group fuzz --output-file requirements-fuzz.lock

web: ## build the pages in app/static from web/ (needs node >= 20)
	cd web && npm ci && npm run build

browser: ## install the browser that tests/browser drives, where that is possible
	@scripts/browser

clean: ## remove what can be made again
	rm -rf $(VENV) $(FUZZ) web/node_modules dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

$(UV): requirements-uv.lock
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Supplygraph needs Python 3.11 or newer, this is " + sys.version.split()[0] + "; name another with: make PYTHON=python3.12")'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "This Python cannot make environments; on Debian or Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.lock
	@touch $@

$(VENV)/.runtime: requirements.lock pyproject.toml $(UV)
	$(UV) pip install $(INTO_VENV) --require-hashes -r requirements.lock
	@$(UV) pip install $(INTO_VENV) --no-deps --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.lock pyproject.toml $(UV)
	$(UV) pip sync $(INTO_VENV) --require-hashes requirements-dev.lock
	@$(UV) pip install $(INTO_VENV) --no-deps --editable .
	@touch $(VENV)/.runtime $@

$(FUZZ)/.ready: requirements-fuzz.lock $(UV)
	$(UV) venv --quiet --clear $(FUZZ)
	$(UV) pip sync --quiet --python $(FUZZ)/bin/python --require-hashes requirements-fuzz.lock
	@touch $@
