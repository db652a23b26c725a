#!/bin/sh
# Fetches what the benchmarks compare with: Python packages into .venv-bench, mapshaper into
# benchmarks/node_modules; with the word "import" ogr2ogr instead, as a package of the system; with
# the word "circles" the Python packages, pgRouting as a package of the system, and Valhalla into
# .venv-valhalla; with the word "graphql" wrk as a package of the system, PostGraphile (with a Node,
# since the machine's may be too old) beside the benchmark, and tipg into .venv-tipg. What cannot be
# had is left out with a sentence: its rows say so, too.
set -eu
cd "$(dirname "$0")/.."

say() { printf '%s\n' "wangge: $*" >&2; }
has() { command -v "$1" >/dev/null 2>&1; }

# Two `make` at once: the second waits. The lock is this file, so that nothing is left behind.
if has flock; then
    exec 9<scripts/bench-setup.sh
    flock 9
fi

digest() { cksum | tr -d ' '; }

fetch_python_peers() {
    wanted=$({ .venv/bin/python -c 'import sys; print(sys.version)'; cat benchmarks/requirements.lock; } | digest)
    [ "$(cat .venv-bench/.locked 2>/dev/null)" = "$wanted" ] && return
    say "making .venv-bench for the packages that the benchmarks compare with"
    rm -rf .venv-bench
    .venv/bin/python -m venv .venv-bench &&
        .venv-bench/bin/python -m pip install --quiet --disable-pip-version-check --no-input \
            --require-hashes --only-binary :all: -r benchmarks/requirements.lock &&
        echo "$wanted" >.venv-bench/.locked
}

# The lock of npm names no host ("resolved" is taken out), nor the native helper of msgpackr, which
# is optional and not to be had everywhere.
fetch_mapshaper() {
    has npm && has node || { say "there is no npm here: mapshaper is left out"; return; }
    wanted=$({ node --version; cat benchmarks/package-lock.json; } | digest)
    [ "$(cat benchmarks/node_modules/.locked 2>/dev/null)" = "$wanted" ] && return
    say "fetching mapshaper"
    (cd benchmarks && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null) &&
        echo "$wanted" >benchmarks/node_modules/.locked
}

install_package() {
    has apt-get || return 1
    as_root=
    [ "$(id -u)" = 0 ] || as_root="sudo -n"
    say "installing $1 for $2"
    $as_root apt-get update -qq >/dev/null &&
        DEBIAN_FRONTEND=noninteractive $as_root apt-get install -qq -y --no-install-recommends \
            "$1" >/dev/null
}

fetch_ogr2ogr() {
    has ogr2ogr || install_package gdal-bin ogr2ogr
}

# For the newest server here: that is the one which is run.
fetch_pgrouting() {
    major=$(ls /usr/lib/postgresql 2>/dev/null | sort -n | tail -n 1)
    [ -n "$major" ] || return 1
    [ -e "/usr/share/postgresql/$major/extension/pgrouting.control" ] ||
        install_package "postgresql-$major-pgrouting" pgRouting
}

# Its wheels are for Python 3.12 and later, which need not be ours.
newer_python() {
    for python in python3.14 python3.13 python3.12 python3 "$HOME"/.pyenv/versions/3.1[2-9]*/bin/python; do
        if has "$python" && "$python" -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null; then
            echo "$python"
            return
        fi
    done
    return 1
}

fetch_valhalla() {
    wanted=$(digest <benchmarks/valhalla.lock)
    [ "$(cat .venv-valhalla/.locked 2>/dev/null)" = "$wanted" ] && return
    python=$(newer_python) || { say "there is no Python 3.12 here: Valhalla is left out"; return; }
    say "making .venv-valhalla"
    rm -rf .venv-valhalla
    "$python" -m venv .venv-valhalla &&
        .venv-valhalla/bin/python -m pip install --quiet --disable-pip-version-check --no-input \
            --require-hashes --only-binary :all: -r benchmarks/valhalla.lock &&
        echo "$wanted" >.venv-valhalla/.locked
}

fetch_tipg() {
    wanted=$({ .venv/bin/python -c 'import sys; print(sys.version)'; cat benchmarks/graphql/tipg.lock; } | digest)
    [ "$(cat .venv-tipg/.locked 2>/dev/null)" = "$wanted" ] && return
    say "making .venv-tipg"
    rm -rf .venv-tipg
    .venv/bin/python -m venv .venv-tipg &&
        .venv-tipg/bin/python -m pip install --quiet --disable-pip-version-check --no-input \
            --require-hashes --only-binary :all: -r benchmarks/graphql/tipg.lock &&
        echo "$wanted" >.venv-tipg/.locked
}

# Its plugin for PostGIS names a peer that is not published and that we do without, hence
# --legacy-peer-deps. The lock names no host.
fetch_postgraphile() {
    has npm && has node || return 1
    folder=benchmarks/graphql/postgraphile
    wanted=$({ node --version; cat "$folder/package-lock.json"; } | digest)
    [ "$(cat "$folder/node_modules/.locked" 2>/dev/null)" = "$wanted" ] && return
    say "fetching PostGraphile"
    (cd "$folder" && npm ci --legacy-peer-deps --ignore-scripts --no-audit --no-fund \
        --loglevel=error >/dev/null) &&
        echo "$wanted" >"$folder/node_modules/.locked"
}

if [ "${1:-}" = import ]; then
    fetch_ogr2ogr || say "ogr2ogr could not be installed: its row says so"
    exit 0
fi

if [ "${1:-}" = circles ]; then
    fetch_python_peers || say "the Python packages could not be fetched: their rows say so"
    fetch_pgrouting || say "pgRouting could not be installed: its rows say so"
    fetch_valhalla || say "Valhalla could not be fetched: its row says so"
    exit 0
fi

if [ "${1:-}" = graphql ]; then
    has wrk || install_package wrk wrk || say "wrk could not be installed: nothing can be timed"
    fetch_postgraphile || say "PostGraphile could not be fetched: its rows say so"
    fetch_tipg || say "tipg could not be fetched: its rows say so"
    exit 0
fi

fetch_python_peers || say "the Python packages could not be fetched: their rows say so"
fetch_mapshaper || say "mapshaper could not be fetched: its rows say so"
