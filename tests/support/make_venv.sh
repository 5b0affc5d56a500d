#!/usr/bin/env bash
# make_venv.sh FOLDER: a virtual environment with pip, on a machine that may have neither venv nor pip.
# PYTHON in the environment chooses the interpreter.
set -euo pipefail

folder=$1
say() { printf '%s\n' "$*" >&2; }

is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1; }

find_python() {
    local candidate
    # A name on PATH may be a stub that runs nothing, so each one is tried.
    for candidate in python3 python3.14 python3.13 python3.12 python3.11 python3.10 python; do
        if is_new_enough "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then sudo -n "$@"
    else return 1
    fi
}

apt_install() {
    command -v apt-get >/dev/null || return 1
    as_root true || return 1
    say "Installing $* with apt-get ..."
    local log
    log=$(mktemp)
    if {
        as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Acquire::Retries=3 update &&
            as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Acquire::Retries=3 install \
                --no-install-recommends "$@"
    } </dev/null >"$log" 2>&1; then
        rm -f "$log"
        return 0
    fi
    tail -n 20 "$log" >&2
    rm -f "$log"
    return 1
}

can_make_venv() { "$1" -c 'import ensurepip, venv' >/dev/null 2>&1; }

# Without ensurepip, but with pip: virtualenv from a folder of its own, so that nothing of the system's is touched.
with_virtualenv() {
    local python=$1 tools
    "$python" -m virtualenv --version >/dev/null 2>&1 && { "$python" -m virtualenv --quiet "$folder"; return; }
    "$python" -m pip --version >/dev/null 2>&1 || return 1
    tools=$(mktemp -d)
    "$python" -m pip install --quiet --disable-pip-version-check --no-input --target "$tools" virtualenv &&
        PYTHONPATH="$tools" "$python" -m virtualenv --quiet "$folder"
    local outcome=$?
    rm -rf "$tools"
    return $outcome
}

if [ -n "${PYTHON:-}" ]; then
    python=$PYTHON
    is_new_enough "$python" || { say "PYTHON=$python is not a Python of version 3.10 or newer."; exit 1; }
else
    find_python >/dev/null || apt_install python3 python3-venv || true
    python=$(find_python) || {
        say "No Python of version 3.10 or newer was found. On Debian or Ubuntu: apt-get install python3 python3-venv"
        say "One that is not on PATH can be named: make PYTHON=/path/to/python3 ..."
        exit 1
    }
fi
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')

say "Making an environment in $folder with $python ($version) ..."
rm -rf "$folder"
if ! can_make_venv "$python"; then
    apt_install "python$version-venv" || true
fi
if can_make_venv "$python"; then
    "$python" -m venv "$folder"
elif ! with_virtualenv "$python"; then
    rm -rf "$folder"
    say "$python cannot make a virtual environment: its module ensurepip is missing, and so is pip."
    say "On Debian or Ubuntu, as root: apt-get install python$version-venv"
    exit 1
fi
