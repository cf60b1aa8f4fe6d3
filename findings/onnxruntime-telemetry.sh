#!/usr/bin/env bash
# onnxruntime 1.32.0 for Linux, from the registry: `import onnxruntime` alone looks up mobile.events.data.microsoft.com,
# to tell of the system, the path of the Python that runs, and a number for the machine, which it keeps in
# ~/.cache/Microsoft/DeveloperTools/.onnxruntime beside a queue of what it could not send. `disable_telemetry_events()`
# can only be called when that is done; the environment variable ORT_DISABLE_TELEMETRY=1 has to be there before. The
# wheel of 1.23.2 had nothing of the kind, and its documentation speaks of Windows only.
#
# Seen: as it is, and with disable_telemetry_events() called at once, "deviceid" and "onnxruntime.db" in the home folder;
#   with ORT_DISABLE_TELEMETRY=1 nothing there.
# A guess would be that a library of this kind computes, and no more.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "onnxruntime==1.32.0"

left() {  # what a home folder holds after a program has run in it
    mkdir "$folder/$1"
    env -u XDG_CACHE_HOME HOME="$folder/$1" ORT_DISABLE_TELEMETRY="$2" "$folder/venv/bin/python" -c "$3"
    (cd "$folder/$1" && find . -type f -printf '%f ' | sed "s/^/$1: /; s/\$/\n/")
}

as_it_is=$(left as-it-is "" "import onnxruntime")
asked=$(left asked "" "import onnxruntime; onnxruntime.disable_telemetry_events()")
before=$(left before 1 "import onnxruntime")
printf '%s\n' "$as_it_is" "$asked" "before: ${before:-nothing}"
[[ $as_it_is == *deviceid* && $asked == *deviceid* && -z $before ]]
