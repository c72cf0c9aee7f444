#!/usr/bin/env bash
# Installs kosoku, the runner of Autobahn's WebSocket cases, into a Python environment outside of the repository.
# Where it cannot, it says so and ends well all the same: then test/autobahn fails by name, and all other tests run.
set -euo pipefail
folder=${XDG_CACHE_HOME:-$HOME/.cache}/tidings/autobahn
[ -x "$folder/bin/kosoku" ] && exit 0

log=$(mktemp)
trap 'rm -f "$log"' EXIT
{ python3 -m venv "$folder" && "$folder/bin/pip" install --quiet --disable-pip-version-check kosoku==0.1.0; } >"$log" 2>&1 || {
  tail -n 5 "$log" >&2
  echo "scripts/install-autobahn.sh: cannot install kosoku. The tests in test/autobahn will fail, all others run." >&2
}
