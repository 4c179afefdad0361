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

# Counts the allocations of RPCs, messages and tunnels, and compares them with the committed figures.

set -euo pipefail

usage() {
  cat <<'USAGE'
Usage: dev/check-allocations.sh [--update]

Fails when an RPC, a message or a tunnel takes more allocations than Benchmarks/Thresholds says, or
so many fewer that the figure there should be lowered. Counts only on Linux with glibc.

  --update   write what is counted now into Benchmarks/Thresholds
  --help     this text
USAGE
}

command=check
case "${1:-}" in
  "") ;;
  --update) command=update ;;
  --help | -h) usage; exit 0 ;;
  *) usage >&2; exit 2 ;;
esac

cd "$(dirname "${BASH_SOURCE[0]}")/../Benchmarks"

swift package -c release --disable-sandbox --allow-writing-to-package-directory \
  benchmark thresholds "$command" --target AllocationBenchmarks --path Thresholds --no-progress
