#!/bin/sh
# pip install into .venv. Where that fails, one line says why and what to do: scripts/pip_install.sh ARGUMENT...
cd "$(dirname "$0")/.." || exit
log=.venv/pip.log
.venv/bin/python -m pip install --progress-bar off "$@" >"$log" 2>&1 && exit
if grep -q 'connection broken by\|Connection aborted\|Read timed out' "$log"; then
    why="packages cannot be fetched: look at the network (behind a proxy, set https_proxy)"
else
    why=$(sed -n 's/^ *ERROR: //p' "$log" | tail -n 1)
fi
echo "${why:-pip failed}; all of it is in $log; the same command goes on where it stopped" >&2
exit 1
