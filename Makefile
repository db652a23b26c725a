# The two commands are `make demo` and `make test`; each sets up whatever it needs.
#
#   make demo [ARGS=--once]   the made-up town, served (or only proved and printed)
#   make test [ARGS=...]      all checks, then all tests; ARGS goes to pytest
#   make check                format, lint, types, layers, printed schema
#   make bench                the benchmarks
#   make clean                removes the virtual environment and caches, nothing else

SHELL = /bin/sh
BIN = .venv/bin
ARGS =

# A continuous integration run lets no test be skipped.
ifeq ($(CI),true)
export WANGGE_REQUIRE_ALL ?= 1
endif

.PHONY: demo test check bench clean setup

demo:
	@scripts/demo.sh $(ARGS)

setup:
	@scripts/setup.sh

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m schema.print --check

test: check
	$(BIN)/python -m pytest -n 2 $(ARGS)

bench: setup
	@if [ -d benchmarks ]; then $(BIN)/python -m benchmarks $(ARGS); \
	else echo "there are no benchmarks yet"; fi

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache \
		build wangge.egg-info
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
