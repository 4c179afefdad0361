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

/// A file of the page, which is part of the program.
enum PageFile {
  /// By its path; with its type.
  static func at(_ path: String) -> (type: String, bytes: [UInt8])? {
    switch path {
    case "/": ("text/html; charset=utf-8", PackageResources.index_html)
    case "/page.css": ("text/css; charset=utf-8", PackageResources.page_css)
    case "/api.js": (Self.script, PackageResources.api_js)
    case "/chart.js": (Self.script, PackageResources.chart_js)
    case "/detail.js": (Self.script, PackageResources.detail_js)
    case "/dialogs.js": (Self.script, PackageResources.dialogs_js)
    case "/dom.js": (Self.script, PackageResources.dom_js)
    case "/format.js": (Self.script, PackageResources.format_js)
    case "/page.js": (Self.script, PackageResources.page_js)
    case "/store.js": (Self.script, PackageResources.store_js)
    case "/table.js": (Self.script, PackageResources.table_js)
    default: nil
    }
  }

  private static let script = "text/javascript; charset=utf-8"
}
