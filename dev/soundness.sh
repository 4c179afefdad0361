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

# The rules that neither the compiler nor the formatter checks.

set -euo pipefail

usage() {
  cat <<'USAGE'
Usage: dev/soundness.sh

Fails, with the places, when
  - a source file (Swift, proto, Python, shell) does not begin with the licence header;
  - a Swift import has no access level;
  - Sources/ holds, without a reason given, what can trap, leak a task or hide a data race:
    `try!`, `as!`, a force unwrap, fatalError, preconditionFailure, `Task {`, `Task.detached`, an
    actor, `@unchecked Sendable`, nonisolated(unsafe);
  - a shell script does not parse, or shellcheck (where installed) finds fault with it.

A reason is a comment that says `// Unchecked: …` or `// Soundness: …`, on the same line, in the
comment directly above, or on the line below; for a force unwrap, the formatter's own
`// swift-format-ignore: NeverForceUnwrap`. Generated code is exempt.
USAGE
}

case "${1:-}" in
  "") ;;
  --help | -h) usage; exit 0 ;;
  *) usage >&2; exit 2 ;;
esac

cd "$(dirname "${BASH_SOURCE[0]}")/.."
failures=0

# The repository's own files that match the patterns; new files count as well.
list() {
  local file
  git ls-files --cached --others --exclude-standard -- "$@" | while IFS= read -r file; do
    [[ "$file" == *Generated/* || ! -f "$file" ]] || printf '%s\n' "$file"
  done
}

# report TITLE FINDINGS: findings are lines; none means that the check passed.
report() {
  if [[ -z "$2" ]]; then
    printf 'ok      %s\n' "$1"
  else
    printf 'FAILED  %s\n' "$1"
    sed 's/^/          /' <<< "$2"
    failures=$((failures + 1))
  fi
}

# The header's text, as dev/soundness.sh itself carries it.
header_text() {
  sed -n '2,14p' dev/soundness.sh | sed -E 's/^##[[:space:]]?//'
}

# The first lines of a file without what makes them a comment in its language.
leading_text() {
  head -n 20 "$1" | sed -E \
    -e '/^#!/d' -e '/^\/\/ swift-tools-version/d' -e '/^\/\*$/d' \
    -e 's/^ \*[[:space:]]?//' -e 's/^(##?|\/\/)[[:space:]]?//' | head -n 13
}

check_headers() {
  local expected file
  expected="$(header_text)"
  list '*.swift' '*.proto' '*.py' '*.sh' '.ci/run' | while IFS= read -r file; do
    [[ "$(leading_text "$file")" == "$expected" ]] || echo "$file"
  done
}

check_imports() {
  # An attribute may stand before the access level; a testable import is internal by itself.
  list 'Sources/*.swift' 'Tests/*.swift' 'Interop/*.swift' 'Benchmarks/*.swift' \
    'Examples/*.swift' 'Fuzzing/*.swift' ':!*/Package.swift' \
    | xargs -r -d '\n' grep -HnE '^[[:space:]]*(@[A-Za-z_]+(\([^)]*\))?[[:space:]]+)*import ' \
    | grep -v '@testable import ' || true
}

check_traps() {
  list 'Sources/*.swift' | xargs -r -d '\n' awk '
    # A finding waits for the line below it, which may give the reason.
    function flush() { if (finding != "") print finding; finding = "" }
    FNR == 1 { flush(); excused = 0 }
    { reason = ($0 ~ /\/\/ (Unchecked|Soundness): ./) }
    /^[[:space:]]*\/\// {
      if (reason) { finding = ""; excused = 1 }
      flush()
      next
    }
    { flush(); code = $0; sub(/\/\/.*/, "", code); gsub(/"[^"]*"/, "\"\"", code) }
    code ~ /(^|[^A-Za-z_])(try!|as!|fatalError\(|preconditionFailure\(|Task\.detached|nonisolated\(unsafe\)|@unchecked)/ ||
    code ~ /(^|[^A-Za-z_.])Task(<[^>]*>)?(\([^)]*\))? *\{/ ||
    code ~ /(^|[^A-Za-z_])actor +[A-Z]/ {
      if (!excused && !reason) finding = FILENAME ":" FNR ": " $0
    }
    { excused = 0 }
    END { flush() }
  '
}

# swift-format knows a force unwrap from a negation; only its findings of that rule count here.
check_force_unwraps() {
  local configuration
  configuration="$(sed 's/"NeverForceUnwrap" : false/"NeverForceUnwrap" : true/' .swift-format)"
  list 'Sources/*.swift' | xargs -r -d '\n' swift format lint --parallel \
    --configuration "$configuration" 2>&1 | grep -F '[NeverForceUnwrap]' || true
}

check_shell() {
  local file
  list '*.sh' '.ci/run' | while IFS= read -r file; do
    bash -n "$file" 2>&1 || true
    [[ -x "$file" ]] || echo "$file: not executable"
    if command -v shellcheck > /dev/null; then
      shellcheck --severity=warning --format=gcc "$file" || true
    fi
  done
}

report "licence headers" "$(check_headers)"
report "imports have an access level" "$(check_imports)"
report "nothing traps, leaks a task or hides a race without a reason" "$(check_traps)"
report "no force unwraps" "$(check_force_unwraps)"
report "shell scripts" "$(check_shell)"

[[ "$failures" -eq 0 ]]
