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

internal import GRPCCore
internal import GRPCTunnelProtocol
internal import Logging

/// Reports what becomes of the tunnels of one transport or service, or of one of them.
struct TunnelObserver: Sendable {
  /// What an end is to the RPCs of a tunnel.
  enum Role: String, Sendable {
    case client
    case server
  }

  private var logger: Logger
  private let metrics: TunnelMetrics?
  /// Where a tunnel's figures are reported; nil when nobody wants them.
  private(set) var meter: TunnelMeter?
  private var isOpenReported = false
  private var isDrainReported = false

  /// For all tunnels of a kind.
  init(
    _ observability: TunnelObservability,
    direction: TunnelInformation.Direction,
    role: Role
  ) {
    self.logger = observability.logger
    self.logger.add(.direction, direction.name)
    self.logger.add(.role, role.rawValue)
    self.metrics = observability.metrics.map {
      TunnelMetrics(factory: $0, direction: direction, role: role)
    }
  }

  /// For one of the tunnels.
  ///
  /// - Parameter key: The key under which the tunnel is registered.
  func observer(of tunnel: TunnelOrigin, key: String? = nil) -> TunnelObserver {
    var observer = self
    observer.logger.add(.tunnelID, tunnel.id.description)
    observer.logger.add(.key, key)
    observer.meter = self.metrics.map { TunnelMeter(metrics: $0) }
    return observer
  }

  // MARK: - One tunnel

  /// Reports what has become of the tunnel since the last time.
  ///
  /// - Parameter figures: What it has done.
  /// - Returns: Whether it has ended.
  mutating func report(_ lifetime: TunnelLifetime, _ figures: TunnelFigures) -> Bool {
    if let information = lifetime.information, !self.isOpenReported {
      self.isOpenReported = true
      self.opened(information, handshakeTime: lifetime.handshakeTime)
    }
    if let initiator = lifetime.drainInitiator, !self.isDrainReported {
      self.isDrainReported = true
      self.logger.report(.info, "tunnel draining", [.side: TunnelClosure.Side(initiator).name])
    }
    guard let end = lifetime.end else { return false }
    self.closed(TunnelClosure(end), openTime: lifetime.openTime, figures)
    return true
  }

  private mutating func opened(_ information: TunnelInformation, handshakeTime: Duration?) {
    self.meter?.opened(handshakeTime: handshakeTime)
    self.logger.add(.remotePeer, information.remotePeer.isEmpty ? nil : information.remotePeer)
    self.logger.report(
      .info,
      "tunnel opened",
      [
        .revision: "\(information.revision)",
        .extensions: information.extensions.joined(separator: ","),
        .handshakeTime: handshakeTime?.inMilliseconds,
      ]
    )
  }

  private func closed(_ closure: TunnelClosure, openTime: Duration?, _ figures: TunnelFigures) {
    self.meter?.closed(figures)
    let level = Logger.Level(end: closure.error)
    if self.isOpenReported {
      self.logger.report(
        level,
        "tunnel closed",
        [
          .side: closure.side.name,
          .reason: closure.reason ?? (self.isDrainReported ? "drained" : nil),
          .code: closure.error?.rpcCode?.name,
          .openTime: openTime?.inMilliseconds,
          .rpcs: "\(figures.streamsStarted)",
          .failedRPCs: "\(figures.finishedStreamCount &- figures.streamsFinished[0])",
          .bytesSent: "\(figures.bytesSent)",
          .bytesReceived: "\(figures.bytesReceived)",
        ]
      )
    } else {
      self.logger.report(
        level,
        "tunnel not opened",
        [
          .side: closure.side.name,
          .reason: closure.reason,
          .code: closure.error?.rpcCode?.name,
        ]
      )
    }
  }

  /// The details of an RPC's status could not be read, and so do not travel.
  func droppedDetails(of service: String) {
    self.logger.report(.warning, "status details dropped", [.service: service])
  }

  // MARK: - All tunnels

  /// This end does not take a tunnel that is offered to it.
  func refused(_ request: TunnelRequest, _ error: any Error) {
    let error = error as? any RPCErrorConvertible
    self.logger.report(
      Logger.Level(refusal: error?.rpcErrorCode),
      "tunnel refused",
      [
        .remotePeer: request.remotePeer,
        .side: TunnelClosure.Side.local.name,
        .reason: error?.rpcErrorMessage,
        .code: (error?.rpcErrorCode ?? .unknown).name,
      ]
    )
  }

  /// Another tunnel is opened after a wait, in place of one that was lost or not opened.
  func reconnecting(after error: TunnelError?, in delay: Duration, failures: Int) {
    self.metrics?.reconnecting()
    self.logger.report(
      Logger.Level(end: error),
      "tunnel reconnecting",
      [
        .retryTime: delay.inMilliseconds,
        .failures: "\(failures)",
        .reason: error?.message,
        .code: error?.rpcCode?.name,
      ]
    )
  }
}
