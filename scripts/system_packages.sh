#!/bin/sh
# What pip cannot bring, looked for before anything is downloaded, and installed where that may be done: by root, with
# apt. Elsewhere one line says what to type.
#   scripts/system_packages.sh PYTHON          what facepipe needs
#   scripts/system_packages.sh PYTHON tests    what tests of pages, windows and examples need; without, they are skipped
set -eu
cd "$(dirname "$0")/.."
python=$1
missing='' # words, each Debian's package, a colon, and what is needed of it
error=''   # the last one of apt

fail() {
    echo "$*" >&2
    exit 1
}

need() { # PACKAGE THING
    missing="$missing $1:$2"
}

library() { # PACKAGE FILE: as the interpreter that will load it finds it
    "$python" -c 'import ctypes, sys; ctypes.CDLL(sys.argv[1])' "$2" 2>/dev/null || need "$1" "$2"
}

program() { # PACKAGE COMMAND
    command -v "$2" >/dev/null || need "$1" "$2"
}

packages() {
    for each in $missing; do printf ' %s' "${each%%:*}"; done
}

things() {
    for each in $missing; do printf ' %s' "${each#*:}"; done
}

has_apt() {
    command -v apt-get >/dev/null
}

get() { # PACKAGE
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$1" 2>&1
}

install() { # whether nothing is missing any more
    if [ -n "$missing" ] && [ "$(id -u)" = 0 ] && has_apt; then
        echo "Installing$(packages)"
        left=''
        apt-get update -qq >/dev/null 2>&1 || true # what is known may do
        for each in $missing; do
            said=$(get "${each%%:*}") || left="$left $each" error=$(echo "$said" | sed -n 's/^E: //p' | tail -n 1)
        done
        missing=$left
    fi
    [ -z "$missing" ]
}

advice() {
    if ! has_apt; then
        echo "install what holds it (in Debian$(packages))"
    elif [ "$(id -u)" = 0 ]; then
        echo "apt-get install$(packages) failed: $error"
    else
        echo "type: sudo apt-get install$(packages)"
    fi
}

interpreter() { # it runs, and is not too old
    if [ "$python" = python3 ]; then
        program python3-venv python3
        install || fail "facepipe needs$(things): $(advice)"
    fi
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) ||
        fail "PYTHON=$python does not run: name a Python that does, as PYTHON=python3"
    oldest=$(sed -n 's/^requires-python = ">=\(.*\)"/\1/p' pyproject.toml)
    [ "${version#*.}" -ge "${oldest#*.}" ] ||
        fail "$python is Python $version, facepipe needs $oldest or newer: name one that is, as PYTHON=python$oldest"
}

for_facepipe() {
    "$python" -c 'import ensurepip, venv' 2>/dev/null || need "python$version-venv" ensurepip
    [ "$(uname -s)" = Linux ] || return 0
    library libgl1 libGL.so.1 # OpenCV links these three even where no window is opened
    library libxcb1 libxcb.so.1
    library libglib2.0-0 libgthread-2.0.so.0
}

for_tests() {
    program chromium chromium         # shows the pages
    library libatomic1 libatomic.so.1 # of the Node that playwright brings to drive it
    program xvfb Xvfb                 # a screen for the window of `watch`, whose Qt needs two libraries more
    library libsm6 libSM.so.6
    library libxext6 libXext.so.6
    program curl curl                 # the examples of docs/serve.md
}

interpreter
if [ "${2-}" = tests ]; then
    for_tests
    install || echo "Some tests will be skipped, without$(things): $(advice)"
else
    for_facepipe
    install || fail "facepipe needs$(things): $(advice)"
fi
