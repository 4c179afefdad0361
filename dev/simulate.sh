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

# Runs simulations of whole tunnels: many more than `swift test` does.

set -euo pipefail

usage() {
  cat <<'USAGE'
Usage: dev/simulate.sh COUNT [FIRST]
       dev/simulate.sh --trace SEED

Joins a tunnel client and a tunnel server in COUNT simulations, one for each seed from FIRST
(default 0), and checks the protocol's invariants at every step. The first seed that breaks one is
named, and fails the script; it breaks the same one whenever it is run.

  --trace SEED  run one seed, and tell all that happens in it
  --help        this text

Built with optimization and AddressSanitizer into .build-fuzz, as dev/fuzz.sh does. 10,000 seeds are
about 3.6 million steps.
USAGE
}

case "${1:-}" in
  --help | -h) usage; exit 0 ;;
  "") usage >&2; exit 2 ;;
esac

cd "$(dirname "${BASH_SOURCE[0]}")/.."
options=(-c release --package-path Fuzzing --scratch-path .build-fuzz --product simulate)
swift build "${options[@]}"

# So that a seed does the same in every run, down to the order of dictionaries.
export SWIFT_DETERMINISTIC_HASHING=1
exec "$(swift build "${options[@]}" --show-bin-path)/simulate" "$@"
