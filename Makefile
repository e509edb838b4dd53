# What a newcomer needs: make quickstart, make test. PYTHON and VENV can be set on the command line.
PYTHON ?= python3
VENV ?= .venv
CASES ?= 10000
BIN := $(VENV)/bin

.PHONY: help install quickstart test fuzz lint clean
.DEFAULT_GOAL := help

help:
	@echo "make quickstart  train and compare CNN, GAN and diffusion and test them on nine photographs (about 10 minutes on two cores), write a report"
	@echo "make test        run the whole test suite"
	@echo "make fuzz        a long campaign of damaged files and odd experiments: CASES=$(CASES)"
	@echo "make lint        ruff and mypy"
	@echo "make install     only create $(VENV)"

# The stamps are what tells make that an environment is there and newer than what it was made from.
$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "deblurbench needs Python 3.11 or newer; run: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	touch $@

$(VENV)/installed-for-development: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[test,lint]'
	touch $@

install: $(VENV)/installed-for-development

quickstart: $(VENV)/installed
	$(BIN)/deblurbench run quickstart

# Pages are tested in a real browser: the system's, else one that is installed now.
$(VENV)/browser: $(VENV)/installed-for-development
	$(BIN)/python -m tests.install_browser
	touch $@

test: $(VENV)/browser
	$(BIN)/python -m pytest --cov=deblurbench --cov-report=term:skip-covered --cov-fail-under=85

# Files and experiments as no one would write them; the suite tries a few of each, this CASES new ones.
fuzz: $(VENV)/installed-for-development
	DEBLURBENCH_FUZZ=$(CASES) $(BIN)/python -m pytest tests/fuzz

lint: $(VENV)/installed-for-development
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV)
