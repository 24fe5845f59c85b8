# Everything a reader or a contributor does with the book. `make` alone builds it.
#
#   make book                        build the HTML from the stored outputs
#   make test                        check every chapter, the package and the book
#   make test-all                    and what takes longer: kept models, long trainings
#   make test-slow                   only what takes longer
#   make bench                       time this package against what else could be used
#   make serve                       read the book at http://localhost:8000
#   make chapters                    run all notebooks again, in place
#   make chapters CHAPTER=02_summation
#   make clean                       remove what was built, and the environment

PYTHON ?= python3
PORT ?= 8000
CHAPTER ?=

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

# Kernels start in chapters/, so a relative folder of corpora is made absolute here.
ifdef RNNBOOK_DATA
override RNNBOOK_DATA := $(shell cd "$(RNNBOOK_DATA)" && pwd || echo "$(RNNBOOK_DATA)")
export RNNBOOK_DATA
endif

.DEFAULT_GOAL := book
.PHONY: book serve test test-all test-slow bench chapters clean

$(INSTALLED): requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --requirement requirements.txt
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --no-deps --editable .
	@touch $@

# Every page is read again: a warning about an unchanged page must not pass the second time.
book: $(INSTALLED)
	$(BIN)/jupyter-book build --all -q -nW --keep-going .
	$(BIN)/python book/check.py _build/html

# A text that cannot be had is reported here; its chapter is then skipped, by name.
test: book
	-$(BIN)/python -m rnnbook corpora
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m pytest tests chapters -m "not slow" \
		--nbval --nbval-current-env --nbval-sanitize-with tests/nbval_sanitize.cfg

test-all: test
	$(MAKE) test-slow

test-slow: $(INSTALLED)
	$(BIN)/python -m pytest tests -m slow

# TensorFlow and Keras are timed as well where they are installed: see benchmarks/README.md.
bench: $(INSTALLED)
	$(BIN)/python benchmarks/training.py
	$(BIN)/python benchmarks/sampling.py
	$(BIN)/python benchmarks/browser.py

serve: book
	$(BIN)/python -m http.server --bind 127.0.0.1 --directory _build/html $(PORT)

chapters: $(INSTALLED)
	$(BIN)/python chapters/run.py $(CHAPTER)
	$(BIN)/python book/picture.py

clean:
	rm -rf _build $(VENV)
