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
internal import NIOCore
internal import NIOPosix

/// The programs that stand between a caller and the server.
final class RoutePrograms {
  private var processes: [Process] = []
  private var directories: [URL] = []

  /// Starts `grpc-tunnel router` and `grpc-tunnel agent`, which lie beside this program.
  ///
  /// - Returns: The port for callers; nil when the program is not there.
  func startRouterAndAgent(upstream: Int, key: String) throws -> Int? {
    let program = try ServerProcess.program.deletingLastPathComponent()
      .appendingPathComponent("grpc-tunnel")
    guard FileManager.default.isExecutableFile(atPath: program.path) else { return nil }
    let tunnelPort = try Self.freePort()
    let port = try Self.freePort()
    try self.start(
      program,
      ["router", "--tunnel-address", "127.0.0.1:\(tunnelPort)", "--address", "127.0.0.1:\(port)"]
    )
    try self.start(
      program,
      ["agent", "--router", "127.0.0.1:\(tunnelPort)", "--key", key]
        + ["--upstream", "127.0.0.1:\(upstream)"]
    )
    return port
  }

  /// Starts an nginx that passes gRPC on.
  ///
  /// - Returns: The port for callers; nil when nginx is not installed.
  func startNginx(upstream: Int) throws -> Int? {
    let paths = ["/usr/sbin/nginx", "/usr/local/bin/nginx", "/opt/homebrew/bin/nginx"]
    guard let path = paths.first(where: { FileManager.default.isExecutableFile(atPath: $0) }) else {
      return nil
    }
    let port = try Self.freePort()
    let directory = FileManager.default.temporaryDirectory
      .appendingPathComponent("tunnel-bench-nginx-\(port)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    self.directories.append(directory)
    let configuration = """
      daemon off;
      master_process off;
      worker_processes 1;
      pid nginx.pid;
      error_log error.log;
      events { worker_connections 1024; }
      http {
        access_log off;
        client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
        uwsgi_temp_path uwsgi; scgi_temp_path scgi;
        keepalive_requests 100000000;
        upstream server { server 127.0.0.1:\(upstream); keepalive 256; keepalive_requests 100000000; }
        server {
          listen 127.0.0.1:\(port) http2;
          http2_max_concurrent_streams 1024;
          location / { grpc_pass grpc://server; }
        }
      }
      """
    let file = directory.appendingPathComponent("nginx.conf")
    try configuration.write(to: file, atomically: true, encoding: .utf8)
    try self.start(
      URL(fileURLWithPath: path),
      ["-p", directory.path, "-c", file.path, "-e", "error.log"]
    )
    return port
  }

  /// Ends the programs and waits for them.
  func end() {
    for process in self.processes {
      process.terminate()
    }
    for process in self.processes {
      // An nginx without a master process may not hear that it is to end.
      for _ in 0 ..< 200 where process.isRunning {
        Thread.sleep(forTimeInterval: 0.01)
      }
      if process.isRunning { kill(process.processIdentifier, SIGKILL) }
      process.waitUntilExit()
    }
    for directory in self.directories {
      try? FileManager.default.removeItem(at: directory)
    }
  }

  private func start(_ program: URL, _ arguments: [String]) throws {
    let process = Process()
    process.executableURL = program
    process.arguments = arguments
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    self.processes.append(process)
  }

  /// A port that nobody listens on now.
  private static func freePort() throws -> Int {
    let channel = try ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .bind(host: "127.0.0.1", port: 0).wait()
    defer { try? channel.close().wait() }
    guard let port = channel.localAddress?.port else {
      throw RPCError(code: .internalError, message: "There is no free port.")
    }
    return port
  }
}
