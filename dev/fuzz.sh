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

# Attacks the protocol's core with libFuzzer and AddressSanitizer.

set -euo pipefail

usage() {
  cat <<'USAGE'
Usage: dev/fuzz.sh [--seconds N] [TARGET...]
       dev/fuzz.sh --replay TARGET FILE
       dev/fuzz.sh --minimize [TARGET...]

Lets libFuzzer attack each TARGET (default: all of them) for N seconds (default 60), one after the
other, beginning with what Fuzzing/Corpus holds; with 0 seconds it only runs through that:

  codec       any bytes are read as frames, written, and read again; so is what applications get
  server      a tunnel server whose client sends anything, while its handlers do anything
  client      a tunnel client whose server sends anything, while its callers do anything
  simulation  both ends of a tunnel; the fuzzer decides what happens next and what goes wrong

What is found on the way is kept in .build-fuzz/corpus. An input that breaks something is written to
.build-fuzz/artifacts, named at the end, and fails the script.

  --replay    run one input again
  --minimize  make Fuzzing/Corpus anew: the fewest inputs, of those in it, in .build-fuzz/corpus and
              from Tests/Vectors, that reach as much code as all of them
  --help      this text
USAGE
}

refuse() {
  usage >&2
  exit 2
}

cd "$(dirname "${BASH_SOURCE[0]}")/.."
all_targets=(codec server client simulation)
options=(-c release --package-path Fuzzing --scratch-path .build-fuzz --product fuzz)
work=.build-fuzz
temporary="$(mktemp -d)"
trap 'rm -rf "$temporary"' EXIT

# Inputs do the same in every run, down to the order of dictionaries.
export SWIFT_DETERMINISTIC_HASHING=1
# The runtime's own crash reports and AddressSanitizer's do not get along.
export SWIFT_BACKTRACE=enable=no

check_target() {
  local target
  for target in "${all_targets[@]}"; do
    [[ "$1" != "$target" ]] || return 0
  done
  refuse
}

build() {
  swift build "${options[@]}"
  # A copy: a build meanwhile does not disturb a long run.
  cp "$(swift build "${options[@]}" --show-bin-path)/fuzz" "$temporary/fuzz"
}

# run TARGET ARGUMENTS...: libFuzzer's own arguments.
run() {
  local target="$1" lengths
  shift
  # How long an input may be, in bytes. Short ones come first, but for the simulation, in which they
  # hardly get beyond the description of the two ends.
  case "$target" in
    codec) lengths=(-max_len=2048) ;;
    server | client) lengths=(-max_len=1024) ;;
    simulation) lengths=(-max_len=2048 -len_control=0) ;;
  esac
  "$temporary/fuzz" --target="$target" "${lengths[@]}" -timeout=20 -rss_limit_mb=2048 "$@"
}

fuzz() {
  local target="$1" limit=(-max_total_time="$2")
  [[ "$2" -gt 0 ]] || limit=(-runs=0)
  mkdir -p "$work/corpus/$target" "$work/artifacts"
  printf '\n==> %s\n' "$target"
  run "$target" "${limit[@]}" -print_final_stats=1 -artifact_prefix="$work/artifacts/$target-" \
    "$work/corpus/$target" "Fuzzing/Corpus/$target"
}

minimize() {
  local target="$1" seeds="$temporary/seeds" minimized="$temporary/minimized/$1"
  local corpus="Fuzzing/Corpus/$1"
  python3 Fuzzing/make-seeds.py "$seeds"
  mkdir -p "$work/corpus/$target" "$corpus" "$seeds/$target" "$minimized"
  # Without counters: how often code runs makes no difference.
  run "$target" -set_cover_merge=1 -use_counters=0 "$minimized" "$seeds/$target" "$corpus" \
    "$work/corpus/$target"
  # What once broke something stays.
  find "$corpus" -name 'crash-*' -exec cp {} "$minimized" \;
  rm -r "$corpus"
  cp -r "$minimized" "$corpus"
  printf '%s: %s inputs\n' "$corpus" "$(find "$corpus" -type f | wc -l)"
}

seconds=60
command=fuzz
case "${1:-}" in
  --help | -h) usage; exit 0 ;;
  --seconds)
    [[ "${2:-}" =~ ^[0-9]+$ ]] || refuse
    seconds="$2"
    shift 2
    ;;
  --replay)
    [[ $# -eq 3 ]] || refuse
    check_target "$2"
    build
    run "$2" "$3"
    exit
    ;;
  --minimize)
    command=minimize
    shift
    ;;
esac

targets=("$@")
[[ $# -gt 0 ]] || targets=("${all_targets[@]}")
for target in "${targets[@]}"; do check_target "$target"; done
build
for target in "${targets[@]}"; do "$command" "$target" "$seconds"; done
