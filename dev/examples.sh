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

# Builds the examples and runs each of them. They end by themselves, and fail when something is not
# as it should be.

set -euo pipefail

usage() {
  cat <<'USAGE'
Usage: dev/examples.sh [NAME...]

Builds the package in Examples/ and runs all of its examples, or those named. Each must end with 0
within a minute.

They are built in the repository's own build folder.
USAGE
}

case "${1:-}" in
  --help | -h) usage; exit 0 ;;
  -*) usage >&2; exit 2 ;;
esac

cd "$(dirname "${BASH_SOURCE[0]}")/.."

# What both packages depend on is built once, in one build folder. The plan that SwiftPM keeps there
# does not say for which of them it was made: none is used here, and none is left behind.
build=(swift build --package-path Examples --scratch-path .build --disable-build-manifest-caching)
trap 'rm -f .build/debug.yaml' EXIT
# SwiftPM passes the traits of a package to the compiler in an order that is random otherwise, and
# another order builds such a package anew.
export SWIFT_DETERMINISTIC_HASHING=1

if [[ "$#" -gt 0 ]]; then
  names=("$@")
  for name in "${names[@]}"; do
    "${build[@]}" --product "$name"
  done
else
  # All folders but that of the library that they share, which is named like a module.
  names=()
  for folder in Examples/Sources/[a-z]*; do
    names+=("$(basename "$folder")")
  done
  "${build[@]}"
fi
binaries="$("${build[@]}" --show-bin-path)"

failures=0
for name in "${names[@]}"; do
  printf '\n--> %s\n' "$name"
  if ! timeout 60 "$binaries/$name"; then
    printf 'FAILED  %s\n' "$name"
    failures=$((failures + 1))
  fi
done
printf '\n%d passed, %d failed\n' "$((${#names[@]} - failures))" "$failures"
[[ "$failures" -eq 0 ]]
