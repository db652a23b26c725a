# The two commands are `make demo` and `make test`; each sets up whatever it needs.
#
#   make demo [ARGS=--once]   the made-up town, served (or only proved and printed)
#   make test [ARGS=...]      all checks, then all tests; ARGS goes to pytest
#   make check                format, lint, types, layers, printed schema
#   make bench                lists the benchmarks
#   make bench-coverage       the coverage engine beside others (docs/benchmarks-coverage.md)
#   make bench-import         a file into a published edition, beside ogr2ogr (docs/benchmarks-import.md)
#   make bench-circles        walks and circles beside pgRouting and others (docs/benchmarks-circles.md)
#   make bench-graphql        questions over HTTP beside PostGraphile and others (docs/benchmarks-graphql.md)
#   make bench-planning       plans beside HiGHS, networkx and scipy (docs/benchmarks-planning.md)
#   make clean                removes virtual environments, fetched packages and caches, nothing else

SHELL = /bin/sh
BIN = .venv/bin
CODE = benchmarks geo resolvers schema service sources storage tests
ARGS =

# A continuous integration run lets no test be skipped.
ifeq ($(CI),true)
export WANGGE_REQUIRE_ALL ?= 1
endif

.PHONY: demo test check kernels bench bench-coverage bench-import bench-circles bench-planning \
	bench-graphql clean setup

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

test:
	@scripts/setup.sh --tests
	@$(MAKE) --no-print-directory --jobs=2 check kernels
	$(BIN)/python -m pytest -n 2 --dist worksteal $(ARGS)

# Compiled once here, beside the checks, and not by each process of the tests: the kernels, and
# Python's own modules, which is a sixth of what it takes to start the program.
kernels: setup
	@$(BIN)/python -m compileall -q $(CODE)
	@$(BIN)/python -m tests.kernels

bench: setup
	@$(BIN)/python -m benchmarks

bench-coverage: setup
	@scripts/bench-setup.sh
	@$(BIN)/python -m benchmarks.coverage $(ARGS)

bench-import: setup
	@scripts/bench-setup.sh import
	@$(BIN)/python -m benchmarks.importing $(ARGS)

bench-circles: setup
	@scripts/bench-setup.sh circles
	@$(BIN)/python -m benchmarks.circles $(ARGS)

bench-graphql: setup
	@scripts/bench-setup.sh graphql
	@$(BIN)/python -m benchmarks.graphql $(ARGS)

bench-planning: setup
	@scripts/bench-setup.sh
	@$(BIN)/python -m benchmarks.planning $(ARGS)

clean:
	rm -rf .venv .venv-bench .venv-valhalla .venv-tipg benchmarks/node_modules \
		benchmarks/graphql/postgraphile/node_modules tests/js/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis \
		.import_linter_cache build wangge.egg-info
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
