# make demo     real people recognised in real photos
# make test     lint, types, tests
# make quick    in a minute: ruff, and the tests that need no browser, no server and no long time
# make bench    speed, beside others: PHOTOS=FOLDER takes your photos instead of data/samples, JSON=FILE appends results
# make lint     lint and types;  make format mends what it can
# make clean    removes .venv and the demo's results
# Each sets up .venv by itself, and what the system lacks where it may. PYTHON chooses the interpreter: PYTHON=python3.12

PYTHON ?= python3
BIN := .venv/bin
BENCH := $(BIN)/python scripts/bench_
# A process for each core; a test that waits for time or another process is disturbed by too many.
PYTEST := $(BIN)/pytest --numprocesses=auto --maxprocesses=4 --dist=worksteal

.PHONY: demo help test quick bench lint format clean

demo: .venv/installed
	$(BIN)/facepipe demo data/demo
	@echo "Next: source .venv/bin/activate && facepipe serve"

help:
	@sed -n 's/^# //p; /^$$/q' Makefile

test: .venv/installed-dev lint
	$(PYTEST)

quick: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(PYTEST) -m "not (browser or server or shell or slow)"

bench: .venv/installed-bench
	$(BENCH)detect.py $(PHOTOS) $(JSON:%=--json %)
	$(BENCH)embed.py $(JSON:%=--json %)
	$(BENCH)folder.py $(PHOTOS) $(JSON:%=--json %)
	$(BENCH)gallery.py $(JSON:%=--json %)
	$(BENCH)start.py $(JSON:%=--json %)

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# One for each PYTHON, so that another is noticed.
MADE := .venv/made-by-$(subst /,-,$(PYTHON))
PIP_INSTALL := @scripts/pip_install.sh

$(MADE):
	@scripts/make_venv.sh "$(PYTHON)"
	@touch $@

.venv/installed: pyproject.toml $(MADE)
	@echo "Setting up .venv: torch and its libraries take about 6 GB and a few minutes."
	$(PIP_INSTALL) --editable ".[video]"
	@touch $@

.venv/ready-for-tests: $(MADE)
	@scripts/system_packages.sh "$(PYTHON)" tests
	@touch $@

.venv/installed-dev: .venv/ready-for-tests .venv/installed
	$(PIP_INSTALL) --editable ".[dev]"
	@touch $@

# face_recognition asks for dlib, which compiles for minutes: dlib-bin holds the same module. Its weights look for
# pkg_resources, which setuptools had until 80.
.venv/installed-bench: .venv/installed-dev
	$(PIP_INSTALL) --no-deps "face_recognition==1.3.0"
	$(PIP_INSTALL) "setuptools<81"
	@touch $@

clean:
	rm -rf .venv data/demo
