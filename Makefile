# make demo [CHECK=1] [HOST=user@host]    a notebook whose cells run on a remote machine
# make check                              formatting, types, the house, unit and pair tests: what a commit should pass
# make test [PYTEST_ARGS=...]             every test, and the linters beside them
# make fuzz [MINUTES=n] [TARGETS=...]     bytes of strangers for every decoder and for both roles' streams
# make lint | format | faces | coverage-floor | bench | pictures | clean
#
# Each target sets up what it needs: an environment in .venv, made again when pyproject.toml changes.
# PYTHON=/path/to/python3 chooses the interpreter (3.10 or newer; else the first one found).

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.ONESHELL:
MAKEFLAGS += --no-builtin-rules

# The tests start hundreds of processes: none shall compile what another has compiled.
unexport PYTHONDONTWRITEBYTECODE

VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input --progress-bar off
WORKERS ?= 2
PYTEST_ARGS ?=
MINUTES ?= 15
TARGETS ?=
BENCHMARKS := $(sort $(wildcard benchmarks/*.py))

PLATFORMS := linux win32 darwin

.PHONY: help demo check unit test environment pytest coverage coverage-floor test-labextension lint lint-python lint-labextension types \
	$(PLATFORMS:%=types-%) format faces bench fuzz pictures clean peers

help:
	@sed -n '/^#/!q; s/^# \{0,1\}//p' Makefile

demo: $(VENV)/labextension.stamp
	@exec $(BIN)/jupyter-ssh demo $(if $(filter-out 0,$(CHECK)),--check) $(if $(HOST),--host '$(HOST)')

check: $(VENV)/test.stamp $(VENV)/labextension.stamp
	@$(MAKE) --no-print-directory -j2 unit lint

unit: $(VENV)/test.stamp
	@exec $(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS) tests/unit tests/pair

# Side by side what waits for the network, for timers and for pages. The environment comes first: both may need apt-get.
test: $(BIN)/python
	@$(MAKE) --no-print-directory -j2 peers environment
	$(MAKE) --no-print-directory -j2 pytest lint test-labextension
	$(if $(PYTEST_ARGS),,$(MAKE) --no-print-directory coverage)

environment:
	@for part in test.stamp labextension.stamp ipykernel-6; do $(MAKE) --no-print-directory $(VENV)/$$part; done

# What is chosen by hand is not measured: it would say nothing about the rest.
pytest:
	@exec $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder \
		$(if $(PYTEST_ARGS),$(PYTEST_ARGS),--cov --cov-report=)

# Lines and branches of Python that the tests went through; less than .coveragerc asks for is an error, unless tests were
# skipped because a peer is missing. The page's are printed and held by `test-labextension`.
coverage:
	@$(BIN)/coverage report $$(bash tests/support/install_peers.sh check || echo --fail-under=0)

# Raise what .coveragerc asks for to what the last `make test` has measured.
coverage-floor:
	@$(BIN)/python -m tests.support.house.coverage_floor

test-labextension:
	@$(BIN)/python labextension/hatch_build.py test

lint: lint-python types lint-labextension

lint-python: $(VENV)/test.stamp
	@$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(PLATFORMS:%=types-%)

# Each platform with a cache of its own. Unreachable code is looked for on Linux: another platform need not reach it all.
$(PLATFORMS:%=types-%): types-%: $(VENV)/test.stamp
	@$(BIN)/mypy --platform $* --cache-dir .mypy_cache/$* $(if $(filter-out linux,$*),--no-warn-unreachable)

lint-labextension: $(VENV)/test.stamp $(VENV)/labextension.stamp
	@$(BIN)/python labextension/hatch_build.py lint

format: faces
	@$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(BIN)/python labextension/hatch_build.py format

# The blocking and the awaitable face of the stack, written from its asyncio classes.
faces: $(VENV)/test.stamp
	@$(BIN)/python -m tests.support.faces

bench: peers $(VENV)/test.stamp $(VENV)/labextension.stamp
	@for script in $(filter-out benchmarks/_%,$(BENCHMARKS)); do
		echo "== $$script"
		$(BIN)/python "$$script"
	done

# Those of the documentation, made by the tests that show that they can be made.
pictures: $(VENV)/test.stamp $(VENV)/labextension.stamp
	@PICTURES=1 $(BIN)/python -m pytest tests/browser/test_picture.py

fuzz: $(VENV)/fuzz.stamp
	@exec $(BIN)/python -m tests.fuzz $(MINUTES) $(TARGETS)

# The programs that the tests talk to. Needs root (apt-get); without it the tests of a missing peer are skipped.
peers:
	@bash tests/support/install_peers.sh

clean:
	@rm -rf $(VENV) build dist labextension/node_modules labextension/lib jupyter_ssh/labextension .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find jupyter_ssh tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

# An environment that no longer runs (its interpreter was removed, the folder was moved) is made again.
# Scripts in it name its interpreter by the full path.
ifeq ($(shell $(BIN)/python -c 'import pip' 2>/dev/null && grep -lF '$(CURDIR)/$(BIN)/python' $(BIN)/pip),)
.PHONY: $(BIN)/python $(VENV)/demo.stamp $(VENV)/test.stamp $(VENV)/labextension.stamp $(VENV)/fuzz.stamp
endif
$(BIN)/python:
	@PYTHON='$(PYTHON)' bash tests/support/make_venv.sh $(VENV)

$(VENV)/demo.stamp: pyproject.toml | $(BIN)/python
	@if ! [ $(VENV)/test.stamp -nt pyproject.toml ]; then # which brings all of it
		echo "Installing jupyter_ssh and JupyterLab into $(VENV) ..."
		$(PIP_INSTALL) --editable '.[demo,labextension]'
	fi
	touch $@

# What the kernel's part uses of ipykernel is tested on the oldest and on the newest: the oldest lies in a folder that a
# kernel of the tests has before the others.
$(VENV)/ipykernel-6: | $(VENV)/test.stamp
	@$(PIP_INSTALL) --no-deps --target $@ 'ipykernel==6.29.*' nest-asyncio

$(VENV)/test.stamp: pyproject.toml | $(BIN)/python
	@echo "Installing jupyter_ssh, JupyterLab and the test tools into $(VENV) ..."
	$(PIP_INSTALL) --editable '.[test,dev]'
	touch $@ $(VENV)/demo.stamp

# Linked into the environment, so that what was built last is what JupyterLab loads.
LABEXTENSION := $(shell find labextension/src labextension/style labextension/schema labextension/*.json \
	labextension/*.py labextension/yarn.lock -type f 2>/dev/null)
$(VENV)/labextension.stamp: $(LABEXTENSION) | $(VENV)/demo.stamp
	@$(BIN)/python labextension/hatch_build.py
	touch $@

$(VENV)/fuzz.stamp: pyproject.toml | $(BIN)/python
	@echo "Installing jupyter_ssh and the fuzzer into $(VENV) ..."
	$(PIP_INSTALL) --editable '.[fuzz]'
	touch $@
