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

internal import Benchmark

// What the package's build plugin would generate. The plugin is not used, since it would have its
// tools built for every other program of this package too.
@main
struct BenchmarkRunner: BenchmarkRunnerHooks {
  static func registerBenchmarks() {
    AllocationBenchmarks.register()
  }
}
