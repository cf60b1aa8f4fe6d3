#!/usr/bin/env bash
# A bare Debian 12 in a new FOLDER, and in it a clone of what is committed here and what the README says first, with
# nothing else typed; the folder is removed at the end. As root: scripts/bare_debian.sh FOLDER [TARGET]...
# TARGET: of make; demo and test unless told. Takes about 10 GB, and whatever the targets take.
# How packages are fetched here (proxies, certificates, folders and settings of pip and apt) holds in there too.
set -euo pipefail
repository=$(cd "$(dirname "$0")/.." && pwd)

fail() {
  echo "$*" >&2
  exit 1
}

[ $# -gt 0 ] || fail "expected a folder: scripts/bare_debian.sh FOLDER [TARGET]..."
[ "$(id -u)" = 0 ] || fail "only root may make such a folder: sudo scripts/bare_debian.sh $*"
command -v debootstrap >/dev/null || fail "debootstrap is missing: apt-get install debootstrap"
folder=$(realpath --canonicalize-missing "$1")

if [ -z "${IN_NAMESPACE-}" ]; then # mounts and processes of this run end with it, however it ends
  [ ! -e "$folder" ] || fail "$folder: is there already; name a new folder"
  trap 'rm -rf --one-file-system "$folder"' EXIT
  trap 'exit 130' INT TERM
  IN_NAMESPACE=1 unshare --mount --pid --fork --kill-child "$0" "$@"
  exit
fi
shift
[ $# -gt 0 ] || set -- demo test

# What pip's settings and the environment name by a path of this machine: files are copied, folders shown.
show() {
  local path
  for path in $(grep -oE '(^|[ =,:]|file://)/[a-zA-Z0-9/._-]+' | sed -E 's#^file://(.*)/.*#\1#; s#^[ =,:]##' | sort -u); do
    if [ -f "$path" ]; then
      install -D --mode=644 "$path" "$folder$path"
    elif [ -d "$path" ] && [ ! -e "$folder$path" ]; then # of an index, what lies beside it too: its pages link there
      mkdir -p "$folder$path"
      mount --bind "$path" "$folder$path"
      mount -o remount,ro,bind "$folder$path"
    fi
  done
}

make_root() {
  debootstrap --variant=minbase --include=git,make,python3-venv bookworm "$folder" >/dev/null
  mount -t proc proc "$folder/proc"
  mount --rbind /dev "$folder/dev"
  mount -t tmpfs tmpfs "$folder/dev/shm"
  git clone --quiet "$repository" "$folder/root/facepipe"
}

settings=()
bring_settings() {
  local name file
  apt-config dump --format '%F "%v";%n' Acquire >"$folder/etc/apt/apt.conf.d/00of-the-host"
  for file in /etc/pip.conf /etc/xdg/pip/* ~/.pip/pip.conf ~/.config/pip/pip.conf; do
    if [ -f "$file" ]; then
      install -D --mode=644 "$file" "$folder$file"
      show <"$file"
    fi
  done
  for name in $(compgen -e | grep -iE '^pip_|_proxy$|_cert|cert_|ca_bundle'); do
    settings+=("$name=${!name}")
    show <<<"${!name}"
  done
}

make_root
bring_settings
cd "$folder"
for target; do
  start=$SECONDS
  chroot "$folder" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin "${settings[@]}" \
    make -C /root/facepipe "$target" </dev/null
  echo "make $target: passed, $((SECONDS - start)) s"
done
