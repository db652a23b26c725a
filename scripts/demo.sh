#!/bin/sh
# Runs `wangge demo` here where packages can be had or are there; else in containers.
set -eu
cd "$(dirname "$0")/.."

has() { command -v "$1" >/dev/null 2>&1; }

if has apt-get || scripts/setup.sh --ready; then
    scripts/setup.sh
    exec .venv/bin/wangge demo "$@"
fi
if has docker && docker info >/dev/null 2>&1 && docker compose version >/dev/null 2>&1; then
    exec docker compose run --build --rm --service-ports wangge demo "$@"
fi
echo "wangge: this machine has no apt-get: install Docker with its compose plugin, or" \
    "Python 3.11 or newer and PostgreSQL 15 or newer with PostGIS, then run make demo again" >&2
exit 1
