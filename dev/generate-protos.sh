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

# Generates the SwiftProtobuf code that tests compare the library's own codec with.
#
# Needs protoc and the well-known types (Debian: apt-get install protobuf-compiler). The plugin is
# built from the swift-protobuf checkout of this package, unless PROTOC_GEN_SWIFT names one.

set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
output="$root/Tests/GRPCTunnelProtocolTests/Generated"

protoc="${PROTOC:-$(command -v protoc || true)}"
if [[ -z "$protoc" ]]; then
  echo "protoc not found: install it (Debian: protobuf-compiler) or set PROTOC." >&2
  exit 1
fi

plugin="${PROTOC_GEN_SWIFT:-}"
if [[ -z "$plugin" ]]; then
  checkout="$root/.build/checkouts/swift-protobuf"
  if [[ ! -d "$checkout" ]]; then
    swift package --package-path "$root" resolve
  fi
  # A scratch path of its own: the package's own build must not be disturbed.
  scratch="$root/.build/protoc-gen-swift"
  build=(swift build --package-path "$checkout" --scratch-path "$scratch")
  "${build[@]}" --product protoc-gen-swift
  plugin="$("${build[@]}" --show-bin-path)/protoc-gen-swift"
fi

rm -rf "$output"
mkdir -p "$output"

# Any and Empty come with the SwiftProtobuf module; google.rpc.Status does not.
"$protoc" \
  --proto_path="$root/Protos" \
  --plugin=protoc-gen-swift="$plugin" \
  --swift_opt=Visibility=Internal \
  --swift_opt=UseAccessLevelOnImports=true \
  --swift_opt=FileNaming=DropPath \
  --swift_out="$output" \
  google/rpc/status.proto \
  grpctunnel/v1/tunnel.proto
