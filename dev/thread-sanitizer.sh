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

# Runs the tests of the session layer under ThreadSanitizer.

set -euo pipefail

usage() {
  cat <<'USAGE'
Usage: dev/thread-sanitizer.sh [FILTER]

Builds the tests for ThreadSanitizer into .build-tsan, the dependencies as well, which takes several
minutes the first time. Then runs those that match FILTER (default: all of GRPCTunnelTests), and one
with a race on purpose, which must be found: a run without reports means something only then.

Fails when a test fails or a race is reported. What dev/thread-sanitizer-suppressions.txt names is
not reported.
USAGE
}

case "${1:-}" in
  --help | -h) usage; exit 0 ;;
esac

cd "$(dirname "${BASH_SOURCE[0]}")/.."
filter="${1:-^GRPCTunnelTests\.}"
options=(--sanitize=thread --scratch-path .build-tsan)
reports="$(mktemp -d)"
trap 'rm -rf "$reports"' EXIT

export TSAN_OPTIONS="suppressions=$PWD/dev/thread-sanitizer-suppressions.txt exitcode=66"

# run NAME ARGUMENTS...: runs tests, with reports in files of that name.
run() {
  local name="$1" options_for_all="$TSAN_OPTIONS"
  shift
  # One test at a time: all of them together can keep a small machine busy for longer than the
  # timeouts of those that use real connections.
  TSAN_OPTIONS="$options_for_all log_path=$reports/$name" \
    swift test "${options[@]}" --skip-build --no-parallel "$@"
}

show_reports() {
  local file
  for file in "$reports/$1".*; do
    [[ ! -f "$file" ]] || swift demangle --simplified < "$file"
  done
}

printf '==> build\n'
swift build --build-tests "${options[@]}"

printf '\n==> a race on purpose\n'
status=0
RACE_ON_PURPOSE=1 run race --filter RaceOnPurposeTests > /dev/null 2>&1 || status=$?
show_reports race > "$reports/race"
if [[ "$status" -eq 0 ]] \
  || ! grep -q '^SUMMARY: ThreadSanitizer: data race .*RaceOnPurposeTests' "$reports/race"; then
  echo "dev/thread-sanitizer.sh: the race on purpose was not reported" >&2
  exit 1
fi
printf 'reported, as it should be\n'

printf '\n==> tests\n'
status=0
run tests --filter "$filter" || status=$?
show_reports tests
exit "$status"
