#!/bin/sh
# .venv, new or half made: scripts/make_venv.sh PYTHON
set -eu
cd "$(dirname "$0")/.."
python=$1

fail() {
    echo "$*" >&2
    exit 1
}

version() {
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null
}

[ -w . ] || fail "$PWD: cannot be written, and .venv is made here; copy it to where you may write"
scripts/system_packages.sh "$python"
if made=$(version .venv/bin/python) && [ "$made" != "$(version "$python")" ]; then
    fail ".venv is of Python $made, $python is $(version "$python"): type make clean first"
fi
"$python" -m venv .venv
.venv/bin/python -m pip --version >/dev/null 2>&1 || "$python" -m venv --clear .venv # stopped while pip was unpacked
