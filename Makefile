# make help tells what there is. GNU make.

# HOST, DATABASE_URL and TESTS (arguments of pytest) may be in the environment for another purpose, so only the command
# line sets them.
HOST = 127.0.0.1
PORT ?= 8080
DATABASE_URL =
TESTS =
DATA = var
JOBS ?= 2
BENCH_DATABASES ?= sqlite mariadb
BENCH_OBJECTS ?= 10000

VENV := .venv
BIN := $(VENV)/bin
PACKAGES := $(wildcard workflows catalog objapi)
CODE := $(PACKAGES) $(wildcard client tests benchmarks)

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help serve test test-all audit bench console texts clean

help:
	@echo 'make serve     the sample laboratory on http://$(HOST):$(PORT)/ (HOST=, PORT=, DATA=directory, DATABASE_URL=)'
	@echo 'make test      every check: ruff, mypy, import-linter, vulture, pytest on SQLite and on MariaDB (JOBS=processes)'
	@echo 'make test-all  the same, extended tests too: large random runs and repetitions'
	@echo 'make audit     known faults of the installed libraries, looked up by pip-audit'
	@echo 'make bench     what the gateway costs against the bare stack (BENCH_DATABASES=, BENCH_OBJECTS=sizes)'
	@echo 'make console   the files of the pages, built anew from objapi/web/frontend (needs Node)'
	@echo 'make texts     texts of the pages, gathered into the catalogs of translations'
	@echo 'make clean     remove $(VENV) and what tools left behind; $(DATA)/ with its data stays'

# The first Python of 3.11 or newer that can make virtual environments.
$(BIN)/python:
	@for python in python3.11 python3 python3.12 python3.13 python3.14; do \
	    if "$$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	        echo "Making $(VENV) with $$(command -v "$$python")"; \
	        exec "$$python" -m venv $(VENV); \
	    fi; \
	done; \
	echo 'No Python 3.11 or newer with venv was found. On Debian: apt-get install python3 python3-venv' >&2; exit 1

# Stamps: pip runs again only when the declaration of the package has changed.
$(VENV)/.installed: setup.cfg pyproject.toml | $(BIN)/python
	@echo 'Installing objapi into $(VENV)'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[data]'
	@touch $@

$(VENV)/.installed-for-tests: setup.cfg pyproject.toml | $(BIN)/python
	@echo 'Installing objapi and its test tools into $(VENV)'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[data,test]'
	@touch $@ $(VENV)/.installed

# exec: no shell stays between make and the server, so a signal reaches it. setpriv, where there is one (Linux): the
# server ends even when make is killed without a chance to pass the signal on.
ENDING_WITH_MAKE := $(shell command -v setpriv >/dev/null && echo setpriv --pdeathsig TERM)

serve: $(VENV)/.installed
	@$(if $(DATABASE_URL),OBJAPI_DATABASE_URL='$(DATABASE_URL)') \
	    OBJAPI_PROFILES="$${OBJAPI_PROFILES:-lims,mxlive,ispyb}" exec $(ENDING_WITH_MAKE) $(BIN)/objapi serve --demo --host '$(HOST)' --port '$(PORT)' --data '$(DATA)'

# When there is a MariaDB, its half of the tests must run (OBJAPI_REQUIRE_MARIADB); the last line says whether it did.
# In the order of folders, tests/acceptance first: the long files begin, so that no process waits for another at the end.
# The tests of a cluster are among the extended ones, so they alone ask for Galera.
# While mypy works on one processor the tests are compiled on another, once for all processes that run them and for the
# commands that they start; in $(VENV), so that a tree that shall stay clean does.
test: TESTS = -m 'not extended'
test-all: CLUSTER = 1
test test-all: $(VENV)/.installed-for-tests
	@set -e; \
	if sh .ci/mariadb; then mariadb=1; else mariadb=; fi; \
	if [ -z "$$mariadb" ] && [ -n "$$OBJAPI_REQUIRE_MARIADB" ]; then \
	    echo 'MariaDB half: NOT RUN, and OBJAPI_REQUIRE_MARIADB asks for it.' >&2; exit 1; \
	fi; \
	galera=; if [ -n '$(CLUSTER)' ] && [ -n "$$mariadb" ] && sh .ci/galera; then galera=1; fi; \
	browser=; if [ -n '$(CLUSTER)' ] && sh .ci/browser $(BIN)/python; then browser=1; fi; \
	export PYTHONDONTWRITEBYTECODE= PYTHONPYCACHEPREFIX='$(CURDIR)/$(VENV)/bytecode'; \
	$(BIN)/mypy $(PACKAGES) $(wildcard benchmarks client/objapi_client) & types=$$!; trap 'kill $$types 2>/dev/null' EXIT; \
	$(BIN)/ruff check $(CODE); \
	$(BIN)/ruff format --check $(CODE); \
	PYTHONPATH=. $(BIN)/lint-imports; \
	$(BIN)/vulture; \
	$(BIN)/python -m pytest --collect-only --quiet --quiet >/dev/null || true; \
	wait $$types; trap - EXIT; \
	OBJAPI_REQUIRE_MARIADB=$$mariadb OBJAPI_TEST_REQUIRE_GALERA=$$galera \
	    OBJAPI_TEST_REQUIRE_BROWSER=$$browser $(BIN)/python -m pytest --numprocesses $(JOBS) --dist loadfile \
	    --no-loadscope-reorder $(TESTS); \
	if [ -n "$$mariadb" ]; then echo 'MariaDB half: run.'; \
	else echo '*** MariaDB half: NOT RUN. Only SQLite was tested. ***'; fi; \
	if [ -n "$$galera" ]; then echo 'Cluster: run.'; \
	elif [ -n '$(CLUSTER)' ]; then echo '*** Cluster: NOT RUN. Galera is not installed. ***'; fi; \
	if [ -n "$$browser" ]; then echo 'Browser: run.'; \
	elif [ -n '$(CLUSTER)' ]; then echo '*** Browser: NOT RUN. The pages were not tried in Chromium. ***'; fi

# What cannot be installed or looked up without the network fails nothing, and is said.
audit: $(VENV)/.installed
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[audit]' 2>/dev/null || true
	@sh .ci/audit $(BIN)/python

# Without a C compiler and MariaDB's headers the floor uses the gateway's own driver.
$(VENV)/.installed-for-bench: $(VENV)/.installed-for-tests
	@echo 'Installing what the benchmarks draw and compare with into $(VENV)'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[mysqlclient]' 2>/dev/null \
	    || echo 'mysqlclient cannot be built here; both sides use PyMySQL.'
	@touch $@

bench: $(VENV)/.installed-for-bench
	@$(BIN)/python -m benchmarks --databases $(BENCH_DATABASES) --objects $(BENCH_OBJECTS) --plot '$(DATA)/benchmark.png'

console:
	@cd objapi/web/frontend && { [ -d node_modules ] || npm ci; } && npm run --silent build

# What was translated stays; new texts come without a translation.
texts: $(VENV)/.installed
	@$(BIN)/pybabel -q extract --mapping=objapi/web/locale/babel.cfg --no-default-keywords --keyword=_ --keyword=t \
	    --keyword=n:1,2 --keyword=say --keyword=marked --add-location=file --omit-header --sort-by-file \
	    --ignore-dirs='node_modules .*' --output=$(VENV)/messages.pot objapi/web
	@$(BIN)/pybabel -q update --input-file=$(VENV)/messages.pot --output-dir=objapi/web/locale --locale=de \
	    --omit-header --no-fuzzy-matching --ignore-obsolete --width=120

clean:
	rm -rf $(VENV) build dist objapi.egg-info client/build client/*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +
