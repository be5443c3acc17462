# Sincro. `make run` needs Python 3.11 or newer and nothing else; `make help` lists the rest.
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

# The first Python on the path that is new enough; another: make run PYTHON=/path/to/python3
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$name"; break; }; done)

# Settings under which the linters look at the project: as in production, with keys made for the occasion.
LINT_ENV = ENV_FILE= DATABASE_URL= DATA_DIR="$(CURDIR)/$(VENV)/lint" PUBLIC_URL=https://sincro.example.com \
	SECRET_KEY="$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(60))')" \
	CREDENTIAL_KEYS="$$($(BIN)/python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())')"

# Three on two cores, since many tests wait; in the order of the directories, in which no long file comes last.
JOBS ?= 3
PYTEST = $(BIN)/python -m pytest --numprocesses $(JOBS) --dist loadscope --no-loadscope-reorder
# What runs again on PostgreSQL: everything that has to do with a database. The second half runs even if the first fails.
ON_POSTGRES = --ignore tests/sdk --ignore tests/connectors --ignore tests/contract --ignore tests/browser \
	--ignore tests/project $(ALSO_IGNORED)
on_both_databases = status=0; \
	echo "== SQLite"; env DATABASE_URL= $(1) || status=1; \
	echo "== PostgreSQL"; $(BIN)/python -m tests.postgres env $(1) $(ON_POSTGRES) || status=1; \
	exit $$status

.DEFAULT_GOAL := help
.PHONY: help run setup install test test-long lint bench screenshots lock messages compile-messages

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-18s%s\n", $$1, $$2 }' Makefile

run: $(VENV)/runtime-installed ## install what is needed, then run Sincro until Ctrl-C
	@$(BIN)/python manage.py supervise

setup: $(VENV)/runtime-installed ## install what Sincro runs on, for services that start it themselves

install: $(VENV)/tools-installed ## install what Sincro, its tests and its linters need

test: ALSO_IGNORED = --ignore tests/api/test_live.py --ignore tests/alerts --ignore tests/webhooks \
	--ignore tests/cli/test_shell.py --ignore tests/crash/test_clock.py --ignore tests/crash/test_clusters.py \
	--ignore tests/web/test_roles.py --ignore tests/web/test_translations.py
test: $(VENV)/tools-installed ## run the everyday tests, on SQLite and on PostgreSQL
	@$(call on_both_databases,$(PYTEST) -m "not long")

test-long: $(VENV)/tools-installed ## run all tests, the long ones too, with many more generated cases
	@$(call on_both_databases,HYPOTHESIS_PROFILE=long $(PYTEST))

lint: $(VENV)/tools-installed ## check style, types, import rules, migrations, translations, deployment, known holes
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(LINT_ENV) $(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(LINT_ENV) $(BIN)/python manage.py makemigrations --check --dry-run
	@$(LINT_ENV) $(BIN)/python -m tests.project.catalogues
	@$(LINT_ENV) $(BIN)/python manage.py check --deploy --fail-level WARNING
	@$(BIN)/python -m tests.project.dependencies

bench: $(VENV)/tools-installed $(VENV)/peers/installed ## measure the engine beside others, on both databases (QUICK=1: less of it)
	@$(BIN)/python -m benchmarks

screenshots: $(VENV)/tools-installed ## take the pictures in docs/img
	@$(BIN)/python -m tests.browser.screenshots

lock: $(VENV)/tools-installed ## pin the newest versions that requirements*.in allow
	@for name in requirements requirements-dev benchmarks/requirements; do \
		$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
			--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
			$$name.in --output-file $$name.txt $$(test $$name = requirements || echo --constraints requirements.txt) || exit 1; \
	done

messages: $(VENV)/tools-installed ## collect the texts to translate into config/locale
	@$(LINT_ENV) $(BIN)/python -m tests.project.catalogues --collect

compile-messages: $(VENV)/tools-installed ## compile config/locale
	@$(LINT_ENV) $(BIN)/python -m tests.project.catalogues --compile

# A stamp says for which lock the packages were installed, so that a second start does nothing here.

$(VENV)/runtime-installed: requirements.txt | $(BIN)/python
	@echo "Installing Sincro's packages into $(VENV) (about a minute the first time) ..."
	@$(PIP) install --quiet --require-hashes -r requirements.txt
	@touch $@

$(VENV)/tools-installed: requirements-dev.txt $(VENV)/runtime-installed
	@echo "Installing the tools for tests and linters into $(VENV) ..."
	@$(PIP) install --quiet --require-hashes -r requirements-dev.txt
	@touch $@

$(VENV)/peers/installed: benchmarks/requirements.txt | $(BIN)/python
	@echo "Installing what Sincro is measured against into $(VENV)/peers ..."
	@$(BIN)/python -m venv $(VENV)/peers
	@$(VENV)/peers/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes -r benchmarks/requirements.txt
	@touch $@

$(BIN)/python:
	@if [ -z "$(PYTHON)" ] || ! "$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
		echo "Sincro needs Python 3.11 or newer. Install it, or say where it is: make run PYTHON=/path/to/python3" >&2; \
		exit 1; \
	fi
	@if ! "$(PYTHON)" -c 'import venv, ensurepip' 2>/dev/null; then \
		echo "$(PYTHON) has no venv and pip modules. On Debian or Ubuntu: sudo apt install python3-venv" >&2; \
		exit 1; \
	fi
	@"$(PYTHON)" -m venv $(VENV)
