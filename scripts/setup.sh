#!/bin/sh
# Sets up what the project needs on this machine: system packages, then .venv in the checkout.
# Run again it does nothing but look. Says in one sentence what is missing where it cannot help.
set -eu
cd "$(dirname "$0")/.."

OLDEST_POSTGRESQL=15

say() { printf '%s\n' "wangge: $*" >&2; }
fail() { say "$*"; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }

# Two `make` at once: the second waits. The lock is this file, so that nothing is left behind.
if has flock; then
    exec 9<scripts/setup.sh
    flock 9
fi

# --- Python 3.11 or newer that can make virtual environments

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }
makes_venvs() { "$1" -c 'import ensurepip, venv' >/dev/null 2>&1; }

find_python() { # prints the first that is complete, else the first that is new enough
    for name in python3 python3.11 python3.12 python3.13 python3.14; do
        if new_enough "$name" && makes_venvs "$name"; then command -v "$name"; return; fi
    done
    for name in python3 python3.11 python3.12 python3.13 python3.14; do
        if new_enough "$name"; then command -v "$name"; return; fi
    done
}

# --- PostgreSQL with PostGIS: as service/postgis.py looks for it, before there is a Python

postgis_versions() { # prints the major version of each server here that has PostGIS
    for config in /usr/lib/postgresql/*/bin/pg_config "$(command -v pg_config || true)"; do
        [ -x "$config" ] || continue
        if [ -x "$("$config" --bindir)/initdb" ] &&
            [ -e "$("$config" --sharedir)/extension/postgis.control" ]; then
            "$config" --version | sed -n 's/^PostgreSQL \([0-9]*\).*/\1/p'
        fi
    done
}

has_postgis() {
    for version in $(postgis_versions); do
        [ "$version" -ge $OLDEST_POSTGRESQL ] && return 0
    done
    return 1
}

postgis_package() { # the newest on offer; the distribution's own choice where lists are missing
    newest=$(apt-cache --names-only search '^postgresql-[0-9]+-postgis-3$' 2>/dev/null |
        sed -n 's/^postgresql-\([0-9]*\)-postgis-3 .*/\1/p' | sort -n | tail -n 1)
    if [ -n "$newest" ]; then echo "postgresql-$newest-postgis-3"; else echo postgresql-postgis; fi
}

# --- system packages

missing_packages() { # prints their names, each with a space behind it
    name_missing | tr '\n' ' '
}

name_missing() {
    python=$(find_python)
    if [ -z "$python" ]; then
        echo python3 python3-venv
    elif ! makes_venvs "$python"; then
        # python3-venv belongs to the distribution's python3, and no other
        case $(basename "$python") in python3) echo python3-venv ;; *) basename "$python"-venv ;; esac
    fi
    # With a database elsewhere none is needed here; the tests that start one then skip.
    if [ -z "${DATABASE_URL:-}" ] && ! has_postgis; then postgis_package; fi
}

apt() { # as root, or through sudo where that asks for no password
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

install_packages() {
    has apt-get || fail "this machine has no apt-get: install Python 3.11 or newer and" \
        "PostgreSQL $OLDEST_POSTGRESQL or newer with PostGIS, then run this again"
    if [ "$(id -u)" -ne 0 ] && ! { has sudo && sudo -n true 2>/dev/null; }; then
        fail "packages are missing; let an administrator run:" \
            "apt-get update && apt-get install -y --no-install-recommends $(missing_packages)"
    fi
    say "fetching the lists of packages"
    apt env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 update ||
        say "some lists could not be fetched; going on with those that could"
    packages=$(missing_packages)
    say "installing $packages"
    # The server package would set up and start a cluster of its own, which nobody asked for.
    switch=/etc/postgresql-common/createcluster.d/wangge-no-main.conf
    apt mkdir -p "$(dirname "$switch")"
    apt sh -c "echo 'create_main_cluster = false' >$switch"
    installed=yes
    # shellcheck disable=SC2086 # they are several words
    apt env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends \
        -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 install $packages ca-certificates tzdata \
        >/dev/null || installed=no
    apt rm -f "$switch"
    [ $installed = yes ] || fail "apt-get could not install $packages(its reason stands above)"
    [ -z "$(missing_packages)" ] ||
        fail "this distribution's packages are too old: Python 3.11 and PostgreSQL" \
            "$OLDEST_POSTGRESQL with PostGIS are needed, as Debian 12 and Ubuntu 24.04 have them"
}

# --- a browser, in which the tests open the pages; without one they are skipped

has_browser() { has chromium || has chromium-browser || has google-chrome || has chrome; }

browser_package() { # prints its name where the distribution has one that is no pointer to a snap
    apt-cache policy chromium 2>/dev/null | grep -q '^ *Candidate: *[0-9][^ ]*$' &&
        ! apt-cache policy chromium | grep -q 'Candidate: .*snap' && echo chromium
}

install_browser() {
    if ! has apt-get || { [ "$(id -u)" -ne 0 ] && ! { has sudo && sudo -n true 2>/dev/null; }; }; then
        say "there is no Chromium here, so the tests that open a page are skipped"
        return 0
    fi
    browser_package >/dev/null || apt env DEBIAN_FRONTEND=noninteractive apt-get -qq \
        -o DPkg::Lock::Timeout=300 update || true
    if ! browser_package >/dev/null; then
        say "this distribution has no package of Chromium: the tests that open a page are skipped"
        return 0
    fi
    say "installing chromium for the tests"
    apt env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends \
        -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 install chromium >/dev/null ||
        say "apt-get could not install chromium: the tests that open a page are skipped"
}

# --- Node, for clients that others wrote; without it the tests that run them are skipped

install_node() {
    if ! has apt-get || { [ "$(id -u)" -ne 0 ] && ! { has sudo && sudo -n true 2>/dev/null; }; }; then
        say "there is no Node here, so the tests that run other people's clients are skipped"
        return 0
    fi
    apt-cache policy npm 2>/dev/null | grep -q '^ *Candidate: *[0-9]' || apt env \
        DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 update || true
    say "installing nodejs and npm for the tests"
    apt env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends \
        -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 install nodejs npm >/dev/null ||
        say "apt-get could not install nodejs and npm: the tests that need them are skipped"
}

# Among them is a Node of its own, since the machine's may be too old for what the clients are written in.
fetch_clients() { # the packages of tests/js, by their lock; a stamp says what they were made from
    if ! has node || ! has npm; then
        say "there is no npm here, so the tests that run other people's clients are skipped"
        return 0
    fi
    wanted=$({ node --version; cat tests/js/package-lock.json; } | digest)
    [ "$(cat tests/js/node_modules/.locked 2>/dev/null)" = "$wanted" ] && return
    say "fetching the packages of tests/js (about 130 MB)"
    (cd tests/js && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null) &&
        echo "$wanted" >tests/js/node_modules/.locked ||
        say "the packages of tests/js could not be fetched: the tests that need them are skipped"
}

# --- the virtual environment; its two stamps say what it was made from

digest() { cksum | tr -d ' '; }

make_environment() {
    python=$(find_python)
    base="$PWD $("$python" -c 'import sys; print(sys.version, sys.base_prefix)')"
    wanted=$({ echo "$base"; cat requirements.lock; } | digest)
    linked=$({ echo "$wanted"; cat pyproject.toml; } | digest)
    if [ "$(cat .venv/.locked 2>/dev/null)" != "$wanted" ] || ! .venv/bin/python -c '' 2>/dev/null; then
        # No stamp, another lock or another Python: made anew, never mended.
        say "making the virtual environment .venv (about 250 MB to fetch)"
        rm -rf .venv
        "$python" -m venv .venv
        .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input \
            --require-hashes --only-binary :all: -r requirements.lock
        echo "$wanted" >.venv/.locked
    fi
    if [ "$(cat .venv/.linked 2>/dev/null)" != "$linked" ]; then
        # The lock has setuptools: with build isolation pip would fetch another, unpinned.
        .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input \
            --no-index --no-deps --no-build-isolation --editable .
        echo "$linked" >.venv/.linked
    fi
}

if [ "${1:-}" = --ready ]; then # only say whether the system's packages are there
    [ -z "$(missing_packages)" ]
    exit
fi
[ -z "$(missing_packages)" ] || install_packages
if [ "${1:-}" = --tests ]; then
    has_browser || install_browser
    { has node && has npm; } || install_node
    fetch_clients & # beside the environment: both wait for what they fetch
fi
make_environment
wait
