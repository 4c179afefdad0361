#!/bin/bash
## Copyright 2026, The grpc-swift-tunnel Authors
##
## Licensed under the Apache License, Version 2.0 (the "License");
## you may not use this file except in compliance with the License.
## You may obtain a copy of the License at
##
##     http://www.apache.org/licenses/LICENSE-2.0
##
## Unless required by applicable law or agreed to in writing, software
## distributed under the License is distributed on an "AS IS" BASIS,
## WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
## See the License for the specific language governing permissions and
## limitations under the License.

# Runs the interop tests: Python callers and servers around `grpc-tunnel`, another implementation of
# the tunnel protocol at the other end of ours, restarts under load, hostile HTTP/2, a soak, and the
# admin page in a browser.

set -euo pipefail

usage() {
  cat <<'USAGE'
Usage: Interop/run.sh [PYTEST-ARGUMENT...]

Makes a Python environment in .build/interop-venv with exactly Interop/requirements.txt, and runs
the tests against the executables of `swift build` (which must have run). Installs Chromium where it is
missing and apt-get can.

Arguments go to pytest, for example:
  Interop/run.sh admin                         only those of the admin page, in headless Chromium
  Interop/run.sh router                        only the tests with ordinary Python programs
  Interop/run.sh grpctunnel_py                 only those with the Python peer
  Interop/run.sh restarts --restart-seconds 60 only the restarts under load, a minute each
  Interop/run.sh hostile                       only those with hostile HTTP/2 clients and servers
  Interop/run.sh soak --soak-seconds 600       only the soak; see dev/soak.sh
  Interop/run.sh -k cancel                     only those with a name that matches
  Interop/run.sh router --direct               without a tunnel: do the checks themselves hold?
  Interop/run.sh grpctunnel_py --python-only   the Python peer against itself, likewise

Environment: PYTHON (default python3), GRPC_TUNNEL and INTEROP_PEER (default: in .build/debug).
USAGE
}

case "${1:-}" in
  --help | -h) usage; exit 0 ;;
esac

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
venv="$root/.build/interop-venv"
requirements="$root/Interop/requirements.txt"

# The browser for the tests of the admin page.
if ! command -v chromium > /dev/null; then
  if [[ "$EUID" -eq 0 ]] && command -v apt-get > /dev/null; then
    apt-get -qq update && apt-get -qq install --yes --no-install-recommends chromium > /dev/null
  else
    echo "missing: chromium; the tests in admin/ fail without it" >&2
  fi
fi

# Made anew when the requirements have changed, or when it was not finished.
if ! cmp -s "$requirements" "$venv/installed-requirements.txt"; then
  rm -rf "$venv"
  "${PYTHON:-python3}" -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$requirements"
  cp "$requirements" "$venv/installed-requirements.txt"
fi

cd "$root/Interop"
export PYTHONDONTWRITEBYTECODE=1
exec "$venv/bin/python" -m pytest "$@"
