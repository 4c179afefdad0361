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

# What the compiler does not check of the documentation.

set -euo pipefail

usage() {
  cat <<'USAGE'
Usage: dev/check-docs.sh [--output FOLDER]

Fails, with the places, when
  - a public symbol of GRPCTunnel or GRPCTunnelNIO has no doc comment;
  - DocC finds fault with a comment or a page: a link that leads nowhere;
  - Swift code in a page does not stand, line by line, in a program of Examples/ or in a test: there
    it is compiled and run;
  - a page names a test that does not exist.

  --output FOLDER   keep the documentation that DocC makes of GRPCTunnel
  --help            this text
USAGE
}

output=
case "${1:-}" in
  "") ;;
  --output) output="$(realpath "${2:?a folder}")" ;;
  --help | -h) usage; exit 0 ;;
  *) usage >&2; exit 2 ;;
esac

cd "$(dirname "${BASH_SOURCE[0]}")/.."
catalogue=Sources/GRPCTunnel/Documentation.docc
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
failures=0

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

# extract MODULE: writes what is public in a module, as of the last build.
extract() {
  mkdir -p "$work/symbols/$1"
  swift-symbolgraph-extract -module-name "$1" -I "$modules/Modules" "${flags[@]}" \
    -target "$triple" -output-dir "$work/symbols/$1" -minimum-access-level public \
    -skip-synthesized-members -skip-inherited-docs -emit-extension-block-symbols
}

check_comments() {
  python3 - "$work"/symbols/*/*.symbols.json <<'PYTHON'
import json
import sys

for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        symbols = json.load(file)["symbols"]
    for symbol in symbols:
        # What the compiler adds stands nowhere; of an extension, its members have comments.
        is_extension = symbol["kind"]["identifier"] == "swift.extension"
        if "location" not in symbol or is_extension or symbol.get("docComment"):
            continue
        place = symbol["location"]["uri"].split("/Sources/")[-1]
        print(f"Sources/{place}: {'.'.join(symbol['pathComponents'])}")
PYTHON
}

# convert MODULE ARGUMENT...: what DocC finds fault with.
convert() {
  local module="$1"
  shift
  docc convert "$@" --additional-symbol-graph-dir "$work/symbols/$module" \
    --fallback-display-name "$module" --fallback-bundle-identifier "$module" \
    --diagnostic-level information --warnings-as-errors > "$work/$module.log" 2>&1 \
    || cat "$work/$module.log"
}

check_code() {
  python3 - "$catalogue" Examples/Sources Tests <<'PYTHON'
import pathlib
import sys

catalogue, *folders = map(pathlib.Path, sys.argv[1:])


def lines(text):
    return "\n" + "\n".join(line.strip() for line in text.splitlines()) + "\n"


compiled = [
    lines(path.read_text(encoding="utf-8"))
    for folder in folders
    for path in folder.rglob("*.swift")
]
for page in sorted(catalogue.glob("*.md")):
    block, start = None, 0
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("```swift"):
            block, start = [], number
        elif line.startswith("```") and block is not None:
            text = lines("\n".join(block))
            if not any(text in file for file in compiled):
                print(f"{page}:{start}: no program has this code")
            block = None
        elif block is not None:
            block.append(line)
PYTHON
}

# A test is named by its suite and its function: `SomeTests/function`.
check_tests() {
  local suite function place
  grep -noE '`[A-Za-z0-9]+Tests/[A-Za-z0-9]+`' "$catalogue"/*.md | while IFS=: read -r page line name; do
    suite="${name//\`/}"
    function="${suite#*/}"
    suite="${suite%/*}"
    place="$(grep -rlE "(struct|class|extension) $suite\b" Tests Sources 2> /dev/null || true)"
    if [[ -z "$place" ]] || ! xargs -d '\n' grep -qE "func $function\(" <<< "$place"; then
      echo "$page:$line: there is no test $suite/$function"
    fi
  done
}

swift build --target GRPCTunnelNIO
modules="$(swift build --show-bin-path)"
triple="$(swift -print-target-info | python3 -c 'import json, sys; print(json.load(sys.stdin)["target"]["triple"])')"
# The C modules beneath GRPCTunnelNIO; those of build tools are other builds of the same.
flags=()
while IFS= read -r map; do
  flags+=(-Xcc "-fmodule-map-file=$map")
done < <(
  find "$modules" -maxdepth 2 -name module.modulemap -not -path '*-tool.build/*'
  find .build/checkouts -path '*/Sources/*/include/module.modulemap' -not -path '*/Benchmarks/*'
)
extract GRPCTunnel
extract GRPCTunnelNIO

report "every public symbol has a doc comment" "$(check_comments)"
report "DocC, GRPCTunnel" \
  "$(convert GRPCTunnel "$catalogue" --output-path "${output:-$work/GRPCTunnel.doccarchive}")"
report "DocC, GRPCTunnelNIO" \
  "$(convert GRPCTunnelNIO --output-path "$work/GRPCTunnelNIO.doccarchive")"
report "code in pages is compiled and run" "$(check_code)"
report "tests that pages name exist" "$(check_tests)"

[[ "$failures" -eq 0 ]]
