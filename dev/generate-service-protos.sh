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

# Generates the Swift code of the services that the interop tests (Interop/protos) and the examples
# (Examples/Protos) call. (The Python side of the interop tests generates its own when it runs.)
#
# Needs protoc (Debian: apt-get install protobuf-compiler). The plugins are built from the
# grpc-swift-protobuf checkout of this package, unless PROTOC_GEN_SWIFT and PROTOC_GEN_GRPC_SWIFT
# name them.

set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

protoc="${PROTOC:-$(command -v protoc || true)}"
if [[ -z "$protoc" ]]; then
  echo "protoc not found: install it (Debian: protobuf-compiler) or set PROTOC." >&2
  exit 1
fi

# build_plugin PRODUCT: builds it apart from the package's own build, and prints where it is.
build_plugin() {
  local checkout="$root/.build/checkouts/grpc-swift-protobuf"
  if [[ ! -d "$checkout" ]]; then
    swift package --package-path "$root" resolve >&2
  fi
  local build=(swift build --package-path "$checkout" --scratch-path "$root/.build/protoc-plugins")
  "${build[@]}" --product "$1" >&2
  echo "$("${build[@]}" --show-bin-path)/$1"
}

swift_plugin="${PROTOC_GEN_SWIFT:-$(build_plugin protoc-gen-swift)}"
grpc_plugin="${PROTOC_GEN_GRPC_SWIFT:-$(build_plugin protoc-gen-grpc-swift-2)}"

# generate FOLDER FILE VISIBILITY OUTPUT: the last is a folder that holds nothing else.
generate() {
  local output="$root/$4"
  rm -rf "$output"
  mkdir -p "$output"
  "$protoc" \
    --proto_path="$root/$1" \
    --plugin=protoc-gen-swift="$swift_plugin" \
    --swift_opt=Visibility="$3" \
    --swift_opt=UseAccessLevelOnImports=true \
    --swift_out="$output" \
    --plugin=protoc-gen-grpc-swift="$grpc_plugin" \
    --grpc-swift_opt=Visibility="$3" \
    --grpc-swift_opt=UseAccessLevelOnImports=true \
    --grpc-swift_out="$output" \
    "$2"
}

generate Interop/protos interop.proto Internal Interop/SwiftPeer/Generated
generate Examples/Protos shop.proto Package Examples/Sources/Shop/Generated
