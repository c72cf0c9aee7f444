#!/usr/bin/env bash
# Installs what tests need besides Node, on Debian and its relatives: Chromium for test/web, Redis for test/backplane and
# test/cluster, PostgreSQL for test/log, nginx and Python for test/examples, nginx and HAProxy for test/hostile and test/deploy,
# Prometheus for test/deploy, PHP for test/docs. It installs only missing packages, says which before it does, and starts no service. Where it cannot install, it says what
# is missing and ends well all the same: then the test files that need a missing tool fail, each with one line that names
# it, and the others run.
set -euo pipefail
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin" # where nginx is, which is not on everyone's path

missing=()
need() { # need PACKAGE COMMAND...: the package is missing unless one of the commands is there
  local package=$1 tool
  shift
  for tool in "$@"; do command -v "$tool" >/dev/null && return; done
  missing+=("$package")
}
need chromium chromium chromium-browser
need redis-server redis-server
need nginx nginx
need haproxy haproxy
need postgresql postgres /usr/lib/postgresql/*/bin/postgres # Debian keeps it apart, by version
need python3 python3
need php-cli php
need prometheus prometheus
python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
[ ${#missing[@]} -eq 0 ] && exit 0

give_up() {
  echo "scripts/install-tools.sh: $1" >&2
  echo "Missing: ${missing[*]}. The tests that need them will fail, all others run; npm run test:fast needs none of them." >&2
  exit 0
}

command -v apt-get >/dev/null || give_up "there is no apt-get on this system"
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || give_up "installing packages needs root, and there is no sudo"
  sudo -n true 2>/dev/null || give_up "installing packages needs root: sudo apt-get install ${missing[*]}"
  as_root=(sudo -n)
fi
echo "installing for the tests, by apt-get install --no-install-recommends: ${missing[*]}"

# Debian starts a service with its package, nginx on every address of the machine; tests start their own on loopback.
# This file is how packages are told not to: https://people.debian.org/~hmh/invokerc.d-policyrc.d-specification.txt
policy=/usr/sbin/policy-rc.d
log=$(mktemp)
made_policy=false
finish() {
  rm -f "$log"
  if $made_policy; then "${as_root[@]}" rm -f "$policy"; fi
}
trap finish EXIT
if [ ! -e "$policy" ]; then
  made_policy=true
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
  "${as_root[@]}" chmod 755 "$policy"
fi

quietly() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive "$@" >"$log" 2>&1 || {
    tail -n 20 "$log" >&2
    give_up "\"$*\" failed"
  }
}
quietly apt-get update -q
quietly apt-get install -q -y --no-install-recommends "${missing[@]}"
