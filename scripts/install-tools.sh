#!/usr/bin/env bash
# Installs what tests need besides Node, on Debian and its relatives: the Chromium that test/web drives.
# Does nothing where it is installed, and nothing but explain itself where it cannot be.
set -euo pipefail

missing=()
command -v chromium >/dev/null || command -v chromium-browser >/dev/null || missing+=(chromium)
[ ${#missing[@]} -eq 0 ] && exit 0

fail() {
  echo "scripts/install-tools.sh: $1" >&2
  echo "The tests need: ${missing[*]}. Install it, or run the others alone: npx vitest run --exclude 'test/web/**'" >&2
  exit 1
}

command -v apt-get >/dev/null || fail "there is no apt-get on this system"
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || fail "installing packages needs root, and there is no sudo"
  sudo -n true 2>/dev/null || fail "installing packages needs root: sudo apt-get install ${missing[*]}"
  as_root=(sudo -n)
fi

echo "installing ${missing[*]} for the tests …"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
quietly() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive "$@" >"$log" 2>&1 || {
    tail -n 20 "$log" >&2
    fail "\"$*\" failed"
  }
}
quietly apt-get update -q
quietly apt-get install -q -y --no-install-recommends "${missing[@]}"
