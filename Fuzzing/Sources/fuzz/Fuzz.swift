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

internal import CLibFuzzer
internal import TunnelSimulation

/// Lets libFuzzer attack one target, which `--target=` names. libFuzzer takes no notice of arguments
/// that begin with two dashes, but hands them on to the processes that it starts; all others are its
/// own.
@main
enum Fuzz {
  private static let option = "--target="

  static func main() {
    let argument = CommandLine.arguments.first { $0.hasPrefix(self.option) }
    switch argument?.dropFirst(self.option.count) {
    case "codec":
      self.run { data, size in
        Fuzz.attack(data, size) { bytes throws(Violation) in
          try CodecUnderAttack.run(bytes)
        }
      }
    case "server":
      self.run { data, size in
        Fuzz.attack(data, size) { bytes throws(Violation) in
          var server = ServerUnderAttack(choices: Choices(bytes: bytes))
          try server.run()
        }
      }
    case "client":
      self.run { data, size in
        Fuzz.attack(data, size) { bytes throws(Violation) in
          var client = ClientUnderAttack(choices: Choices(bytes: bytes))
          try client.run()
        }
      }
    case "simulation":
      self.run { data, size in
        Fuzz.attack(data, size) { bytes throws(Violation) in
          var simulation = TunnelSimulation(choices: Choices(bytes: bytes))
          try simulation.run()
        }
      }
    case .some, .none:
      fatalError("Name a target: \(self.option)codec, server, client or simulation")
    }
  }

  /// Hands the process over to libFuzzer.
  private static func run(_ target: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32) {
    var count = CommandLine.argc
    var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
    _ = LLVMFuzzerRunDriver(&count, &arguments, target)
  }

  /// Makes one attack. A crash is how libFuzzer learns that it succeeded.
  fileprivate static func attack(
    _ data: UnsafePointer<UInt8>?,
    _ size: Int,
    _ body: (ArraySlice<UInt8>) throws(Violation) -> Void
  ) -> Int32 {
    let bytes = [UInt8](UnsafeBufferPointer(start: data, count: size))
    do throws(Violation) {
      try body(bytes[...])
    } catch {
      fatalError("\(error)")
    }
    return 0
  }
}
