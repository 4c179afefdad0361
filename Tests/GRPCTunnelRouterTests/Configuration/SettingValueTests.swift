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

internal import Testing

@testable internal import GRPCTunnelRouter

@Suite("Values of settings")
struct SettingValueTests {
  @Test(
    "sizes",
    arguments: [
      ("0", 0), ("65536", 65_536), ("512KiB", 524_288), ("4MiB", 4_194_304),
      ("1GiB", 1_073_741_824),
    ]
  )
  func size(text: String, bytes: Int) throws {
    #expect(try SettingValue.size(text) == bytes)
  }

  @Test(
    "texts that are no sizes",
    arguments: [
      "", "-1", "+1", "x", "4 MiB", "4MB", "4mib", "1.5", "2GiB", "9999999999999999999", "1e9", "٣",
      "0x10", "1KiBMiB", "999999999999GiB", "nan", "inf",
    ]
  )
  func noSize(text: String) {
    let error = #expect(throws: SettingValueError.self) { try SettingValue.size(text) }
    #expect(error?.description.hasPrefix("'\(text)' is not a size") == true)
  }

  @Test(
    "times",
    arguments: [
      ("0", Duration.zero), ("500ms", .milliseconds(500)), ("30s", .seconds(30)),
      ("1.5m", .seconds(90)), ("2h", .seconds(7200)), ("8760h", .seconds(31_536_000)),
    ]
  )
  func duration(text: String, duration: Duration) throws {
    #expect(try SettingValue.duration(text) == duration)
  }

  @Test(
    "texts that are no times",
    arguments: [
      "", "30", "-1s", "1 s", "s", "1d", "1.2.3s", "99999h", "1e3s", ".s", "999999999999h",
    ]
  )
  func noDuration(text: String) {
    let error = #expect(throws: SettingValueError.self) { try SettingValue.duration(text) }
    #expect(error?.description.hasPrefix("'\(text)' is not a time") == true)
  }

  @Test(
    "toggles",
    arguments: [
      ("true", true), ("yes", true), ("on", true), ("1", true), ("TRUE", true),
      ("false", false), ("no", false), ("off", false), ("0", false),
    ]
  )
  func toggle(text: String, value: Bool) throws {
    #expect(try SettingValue.toggle(text) == value)
  }

  @Test("a text that is neither true nor false")
  func noToggle() {
    #expect(throws: SettingValueError.self) { try SettingValue.toggle("maybe") }
    #expect(throws: SettingValueError.self) { try SettingValue.toggle("") }
  }

  @Test("keys are of printable ASCII characters", arguments: ["", "a b", "schön", "a\n", "\u{7f}"])
  func noKey(text: String) {
    #expect(throws: SettingValueError.self) { try SettingValue.key(text) }
  }

  @Test("an address to connect to has a port")
  func target() throws {
    #expect(throws: SettingValueError.self) { try SettingValue.target("127.0.0.1:0") }
    #expect(try SettingValue.target("127.0.0.1:1").port == 1)
  }
}
