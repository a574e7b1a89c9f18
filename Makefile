# `make demo` and `make test` work from a bare checkout: they need python3 (3.11 or newer) and make.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# What is installed is named by what should be: no network when the lock did not change.
LOCKED := $(VENV)/installed-$(shell cat requirements.lock pyproject.toml | cksum | cut -d' ' -f1)

.PHONY: setup demo test lint check bench peers packages app lock clean help
.DEFAULT_GOAL := help

help:            ## what there is
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

setup: $(LOCKED) ## the virtual environment with the locked dependencies

$(LOCKED):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; say which: make PYTHON=python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv --clear $(VENV) || { $(MAKE) --no-print-directory $(VENV)-packages && $(PYTHON) -m venv --clear $(VENV); }
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@rm -f $(VENV)/installed-*
	@touch $@

# Debian keeps ensurepip in a package of its own.
.PHONY: $(VENV)-packages
$(VENV)-packages:
	@test "$$(id -u)" = 0 || { echo "python3-venv is missing: apt-get install python3-venv" >&2; exit 1; }
	.ci/packages python3-venv

demo: setup      ## a sample community with simulated devices; KEEP=1 leaves it running
	@$(BIN)/python -m edge.demo $(if $(KEEP),--keep) $(DEMO)

lint: setup      ## format, lint, types, import contract
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint      ## the same and the fast tests
	$(BIN)/pytest --quiet tests/unit tests/conformance

test: packages   ## all tests; as root it installs the programs that they need first
	$(BIN)/pytest

peers: packages  ## only the tests with real programs
	$(BIN)/pytest tests/peers

bench: setup     ## the benchmarks, small
	$(BIN)/python -m benchmarks

packages: setup
	@missing="$$($(BIN)/python -m tests.peers.programs)"; \
	if [ -z "$$missing" ]; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "installing $$missing"; .ci/packages $$missing; \
	else \
	  echo "Tests with real programs will be skipped; to run them: apt-get install --no-install-recommends $$missing"; \
	fi

app:             ## build the residents' app into the package (needs node and npm)
	cd app && npm ci --ignore-scripts && npm run build

lock:            ## write requirements.lock anew from pyproject.toml
	$(PYTHON) -m piptools compile --quiet --allow-unsafe --extra dev --extra phone --strip-extras --no-emit-index-url \
	  --no-emit-find-links --no-emit-options --no-header --generate-hashes --output-file requirements.lock pyproject.toml

clean:           ## everything that make made
	rm -rf $(VENV) .demo .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache build *.egg-info
