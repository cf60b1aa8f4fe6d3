# make demo: real people recognised in real photos.  make test: lint, types, tests.  make bench: speed, beside others.
# Each sets up .venv by itself. PYTHON chooses the interpreter: make test PYTHON=python3.12
# make bench PHOTOS=FOLDER takes your photos instead of data/samples, JSON=FILE appends the results to a file.

PYTHON ?= python3
BIN := .venv/bin
BENCH := $(BIN)/python scripts/bench_

.PHONY: demo test bench lint format clean

demo: .venv/installed
	$(BIN)/facepipe demo data/demo
	@echo "Next: source .venv/bin/activate && facepipe serve"

test: .venv/installed-dev lint
	$(BIN)/pytest

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

.venv/installed: pyproject.toml
	@echo "Setting up .venv: torch and its libraries take about 6 GB and a few minutes."
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable ".[video]"
	@$(BIN)/python -c "import cv2" || { echo "OpenCV needs system libraries: apt-get install libgl1 libglib2.0-0"; exit 1; }
	@touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	@touch $@

# face_recognition asks for dlib, which compiles for minutes: dlib-bin holds the same module. Its weights look for
# pkg_resources, which setuptools had until 80.
.venv/installed-bench: .venv/installed-dev
	$(BIN)/python -m pip install --quiet --no-deps "face_recognition==1.3.0"
	$(BIN)/python -m pip install --quiet "setuptools<81"
	@touch $@

clean:
	rm -rf .venv data/demo
