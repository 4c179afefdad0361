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

# Routers, agents and callers under a steady load for some minutes, while agents are killed, routers
# restarted, connections cut and silenced, and processes frozen. Reports what became of the RPCs, and
# what the processes used; fails when an RPC failed that no fault explains, went past its deadline or
# got a wrong answer, or when memory or descriptors grow.

set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

usage() {
  echo "Usage: dev/soak.sh [MINUTES [PYTEST-ARGUMENT...]]    (default: 10 minutes)"
  echo "The executables of \`swift build\` must be there. \$GRPC_TUNNEL names another grpc-tunnel."
}

case "${1:-}" in
  --help | -h) usage; exit 0 ;;
esac

minutes="${1:-10}"
if [[ ! "$minutes" =~ ^[1-9][0-9]*$ ]]; then
  usage >&2
  exit 64
fi
shift || true

exec "$root/Interop/run.sh" soak --soak-seconds "$((minutes * 60))" "$@"
