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

/// What tests must know of a message to write it in every way that protobuf permits.
struct MessageSchema: Sendable {
  var fields: [(number: UInt32, kind: FieldKind)]

  enum FieldKind: Sendable {
    case varint
    case repeatedEnum
    case string
    case bytes
    case message(MessageSchema)
    case mapEntry(MessageSchema)
  }

  func kind(of number: UInt32) -> FieldKind? {
    self.fields.first { $0.number == number }?.kind
  }
}

extension MessageSchema {
  static let empty = MessageSchema(fields: [])

  static let values = MessageSchema(fields: [(1, .string)])

  static let metadataEntry = MessageSchema(fields: [(1, .string), (2, .message(values))])

  static let metadata = MessageSchema(fields: [(1, .mapEntry(metadataEntry))])

  static let messageData = MessageSchema(fields: [(1, .varint), (2, .bytes)])

  static let newStream = MessageSchema(fields: [
    (1, .string), (2, .message(metadata)), (3, .varint), (4, .varint),
  ])

  static let settings = MessageSchema(fields: [(1, .repeatedEnum), (2, .varint), (15, .varint)])

  static let detail = MessageSchema(fields: [(1, .string), (2, .bytes)])

  static let status = MessageSchema(fields: [(1, .varint), (2, .string), (3, .message(detail))])

  static let closeStream = MessageSchema(fields: [
    (1, .message(metadata)), (2, .message(status)), (15, .varint),
  ])

  static let drain = MessageSchema(fields: [(1, .varint)])

  static let clientToServer = MessageSchema(fields: [
    (1, .varint), (2, .message(newStream)), (3, .message(messageData)), (4, .bytes),
    (5, .message(empty)), (6, .message(empty)), (7, .varint),
  ])

  static let serverToClient = MessageSchema(fields: [
    (1, .varint), (2, .message(metadata)), (3, .message(messageData)), (4, .bytes),
    (5, .message(closeStream)), (6, .message(settings)), (7, .varint), (15, .message(drain)),
  ])
}
