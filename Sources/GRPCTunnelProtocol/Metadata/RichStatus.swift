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

package import GRPCCore

/// The details of a status: a trailer for applications, a part of `CloseStream` on the wire
/// (PROTOCOL.md 4, "Rich errors").
package enum RichStatus {
  /// The trailer in which applications give and find a serialized `google.rpc.Status`.
  package static let trailerKey = "grpc-status-details-bin"

  /// Takes the details out of an application's trailers.
  ///
  /// The RPC's own code and message win over those in the trailer. Details that cannot be read are
  /// dropped, so that they never turn a real status into another.
  ///
  /// - Returns: The status to send, and whether unreadable details were dropped.
  package static func wireStatus(
    for status: Status,
    takingDetailsFrom trailers: inout Metadata
  ) -> (status: WireStatus, droppedDetails: Bool) {
    var wire = WireStatus(code: Int32(status.code.rawValue), message: status.message)
    guard let trailer = trailers[binaryValues: Self.trailerKey].first(where: { _ in true }) else {
      let isPresent = trailers[Self.trailerKey].contains { _ in true }
      trailers.removeAllValues(forKey: Self.trailerKey)
      return (wire, isPresent)
    }
    trailers.removeAllValues(forKey: Self.trailerKey)
    guard let details = try? WireStatus(decoding: trailer[...]).details else {
      return (wire, true)
    }
    wire.details = details
    return (wire, false)
  }

  /// The status for an application; adds the details to its trailers.
  package static func status(
    from wire: WireStatus?,
    addingDetailsTo trailers: inout Metadata
  )
    -> Status
  {
    guard let wire else { return Status(code: .ok, message: "") }
    let code = Status.Code(rawValue: Int(wire.code)) ?? .unknown
    if !wire.details.isEmpty {
      var rich = wire
      rich.code = Int32(code.rawValue)
      trailers.replaceOrAddBinary(rich.encoded(), forKey: Self.trailerKey)
    }
    return Status(code: code, message: wire.message)
  }
}
