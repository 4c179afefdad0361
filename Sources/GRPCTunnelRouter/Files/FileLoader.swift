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

/// Reads the files that a configuration names, and collects what is wrong with them.
struct FileLoader {
  private(set) var contents: FileWatcher.Contents = [:]
  private var problems: [String] = []

  mutating func read(_ paths: some Sequence<String>) async {
    for path in paths.sorted() {
      do throws(RouterError) {
        self.contents.merge(try await FileWatcher.read([path])) { $1 }
      } catch {
        self.problems.append(error.description)
      }
    }
  }

  /// The certificate and key in files that were read.
  mutating func certificate(_ files: CertificateFiles?) -> CertificateStore? {
    guard let files, self.contents[files.certificate] != nil, self.contents[files.key] != nil else {
      return nil
    }
    do throws(RouterError) {
      return try CertificateStore(files, self.contents)
    } catch {
      self.add(error.description)
      return nil
    }
  }

  /// Checks the authorities in a file that was read.
  mutating func checkAuthorities(_ path: String?) {
    guard let path, let bytes = self.contents[path] else { return }
    do throws(RouterError) {
      try TrustedAuthorities.check(bytes, in: path)
    } catch {
      self.add(error.description)
    }
  }

  /// What a file that was read says.
  mutating func parsed<Value>(
    _ path: String?,
    _ parse: (String) throws(ConfigurationError) -> Value
  ) -> Value? {
    guard let path, let bytes = self.contents[path] else { return nil }
    do throws(ConfigurationError) {
      return try parse(String(decoding: bytes, as: UTF8.self))
    } catch {
      for problem in error.problems {
        self.add("\(path): \(problem)")
      }
      return nil
    }
  }

  private mutating func add(_ problem: String) {
    // Two addresses may share files.
    if !self.problems.contains(problem) { self.problems.append(problem) }
  }

  /// - Throws: ``ConfigurationError`` when there are problems.
  func finish() throws(ConfigurationError) {
    if !self.problems.isEmpty { throw ConfigurationError(self.problems) }
  }
}
