/*
 * Copyright 2026, The grpc-swift-tunnel Authors
 *
 * Licensed under the Apache License, Version 2.0 (the "License");
 * you may not use this file except in compliance with the License.
 * You may obtain a copy of the License at
 *
 *     http://www.apache.org/licenses/LICENSE-2.0
 *
 * Unless required by applicable law or agreed to in writing, software
 * distributed under the License is distributed on an "AS IS" BASIS,
 * WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
 * See the License for the specific language governing permissions and
 * limitations under the License.
 */

internal import Foundation
internal import GRPCCore
internal import SwiftProtobuf

typealias Request = Interop_Request
typealias Reply = Interop_Reply

/// The bytes of a payload that was asked for by its length.
func pattern(_ size: Int) -> Data {
  Data((0 ..< size).map { UInt8($0 % 251) })
}

extension Metadata {
  /// What a message asks to send.
  init(_ entries: [Interop_Entry]) {
    self.init()
    for entry in entries {
      switch entry.value {
      case .text(let text):
        self.addString(text, forKey: entry.key)
      case .binary(let bytes):
        self.addBinary([UInt8](bytes), forKey: entry.key)
      case nil:
        self.addString("", forKey: entry.key)
      }
    }
  }

  /// What a message reports.
  var entries: [Interop_Entry] {
    var entries: [Interop_Entry] = []
    var seen: Set<String> = []
    for (key, _) in self where seen.insert(key).inserted {
      if key.hasSuffix("-bin") {
        for bytes in self[binaryValues: key] {
          entries.append(
            .with {
              $0.key = key; $0.binary = Data(bytes)
            }
          )
        }
      } else {
        for text in self[stringValues: key] {
          entries.append(
            .with {
              $0.key = key; $0.text = text
            }
          )
        }
      }
    }
    return entries
  }
}
