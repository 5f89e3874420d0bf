# Two commands for a fresh machine with Python 3.11 and make:
#   make animal   environment, install, build the sample, show how to open it
#   make test     environment, install, all tests
# And one that trains: make baseline, the reference on the sample of animal, some minutes
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: animal baseline test test-slow lint format docs sheets clean

animal: $(VENV)/installed
	$(BIN)/dmlkit build animal
	@echo "dmlkit is in this environment: source $(BIN)/activate"

baseline: $(VENV)/trains
	$(BIN)/dmlkit build animal
	$(BIN)/dmlkit train out/animal --loss csl

test: $(VENV)/tested wordnet chromium
	$(BIN)/python -m pytest -m "not slow" -n 2 --dist loadfile

test-slow: $(VENV)/tested wordnet
	$(BIN)/python -m pytest -m slow

lint: $(VENV)/tested
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy --strict dmlkit

format: $(VENV)/tested
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/tested
	$(BIN)/python docs/make_cli_reference.py
	$(BIN)/python docs/make_tables.py

sheets: $(VENV)/installed
	$(BIN)/dmlkit build animal
	$(BIN)/dmlkit sheets out/animal --out docs/images
	for name in vehicle product; do \
	  $(BIN)/dmlkit build $$name && cp out/$$name/figure.jpg docs/images/$$name.jpg || exit 1; \
	done

# WordNet 3.0 for the tests of manifests and labels: from Debian where that can be installed, else from NLTK. Tests
# that need it are skipped, with a message, where neither works.
APT = apt-get -qq -y --no-install-recommends
wordnet: $(VENV)/tested
	@test -f /usr/share/wordnet/data.noun \
	  || (command -v apt-get && test "$$(id -u)" = 0 \
	      && ($(APT) install wordnet-base || ($(APT) update && $(APT) install wordnet-base))) >/dev/null 2>&1 \
	  || $(BIN)/python -m nltk.downloader -q wordnet \
	  || echo "WordNet 3.0 could not be installed: tests that need it are skipped"

# Chromium for the tests of reports, from Debian where that can be installed. Without it they
# are skipped, with a message; in CI they fail.
chromium:
	@command -v chromium chromium-browser google-chrome >/dev/null \
	  || (command -v apt-get && test "$$(id -u)" = 0 \
	      && ($(APT) install chromium || ($(APT) update && $(APT) install chromium))) >/dev/null 2>&1 \
	  || echo "Chromium could not be installed: tests of reports are skipped"

.PHONY: wordnet chromium

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install -q -c constraints.txt -e .
	touch $@

$(VENV)/trains: $(VENV)/installed
	$(BIN)/pip install -q -c constraints.txt -e ".[train]"
	touch $@

$(VENV)/tested: $(VENV)/installed
	$(BIN)/pip install -q "pip>=25.1"
	$(BIN)/pip install -q -c constraints.txt --group dev
	touch $@

clean:
	rm -rf $(VENV) out build dist
