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

# Formats every Swift file of the repository with the toolchain's swift-format and .swift-format.

set -euo pipefail

usage() {
  cat <<'USAGE'
Usage: dev/format.sh [--lint]

Formats the Swift files of this repository in place. Generated code is left alone.

  --lint   change nothing; list what is not formatted, and fail if there is any
  --help   this text
USAGE
}

lint=false
case "${1:-}" in
  "") ;;
  --lint) lint=true ;;
  --help | -h) usage; exit 0 ;;
  *) usage >&2; exit 2 ;;
esac

cd "$(dirname "${BASH_SOURCE[0]}")/.."

# New files count as well, ignored ones and ones already deleted do not.
files=()
while IFS= read -r -d '' file; do
  [[ "$file" == *Generated/* || ! -f "$file" ]] || files+=("$file")
done < <(git ls-files -z --cached --others --exclude-standard -- '*.swift')

if [[ ${#files[@]} -eq 0 ]]; then
  echo "dev/format.sh: no Swift files found" >&2
  exit 1
fi

if "$lint"; then
  if ! swift format lint --strict --parallel "${files[@]}"; then
    echo "dev/format.sh: not formatted; run dev/format.sh" >&2
    exit 1
  fi
else
  swift format format --in-place --parallel "${files[@]}"
fi
