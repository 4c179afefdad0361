# Copyright 2026, The grpc-swift-tunnel Authors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""An admin address that makes everything up: to work on the page, and to test it without tunnels.

    python3 Interop/admin/fake_admin.py --port 9000 --tunnels 1000

It answers as docs/admin-api.md says. The tunnels carry traffic, come and go, and can be drained and closed.
"""

import argparse
import json
import random
import threading
import time
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "Sources" / "GRPCTunnelAdmin" / "Page"
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
HOSTILE = "<img src=x onerror=alert(1)>"


def text_of(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


class FakeTunnels:
    """Tunnels that do as if: one second at a time."""

    def __init__(self, count, seed=1, is_calm=False):
        self.random = random.Random(seed)
        self.is_calm = is_calm
        self.lock = threading.Lock()
        self.started = datetime.now(timezone.utc) - timedelta(hours=7, minutes=12)
        self.tunnels = {}
        self.closed = []
        self.number = 0
        self.version = 0
        for index in range(count):
            self.open(f"shop-{index + 1}", timedelta(seconds=self.random.uniform(5, 25_000)))
        if count > 1:
            odd = self.open("an-agent-with-a-rather-long-key.eu-central-1.example.com", timedelta(seconds=70))
            odd["key"] += HOSTILE
        for index in range(min(count, 30)):
            tunnel = self.open(f"shop-{index % 7 + 1}", timedelta(seconds=3000 - 90 * index))
            reasons = [
                (True, "remote", "UNAVAILABLE", "the connection was lost"),
                (False, "remote", None, None),
                (False, "local", "UNAVAILABLE", "closed by the operator: maintenance"),
                (True, "local", "PERMISSION_DENIED", "'token:shop-3' may not register the key 'shop-3'."),
                (True, "local", "UNAVAILABLE", "nothing arrived for 20 s after a liveness probe"),
            ]
            failed, side, code, reason = self.random.choice(reasons)
            self.end(tunnel["id"], failed, side, code, reason, timedelta(seconds=2900 - 95 * index))

    def open(self, key, age=timedelta()):
        self.number += 1
        name = f"tunnel-{self.number}"
        now = datetime.now(timezone.utc)
        draw = self.random
        scale = 10 ** draw.uniform(0, 4) if draw.random() < 0.8 else 0
        tunnel = {
            "id": name,
            "key": key,
            "identity": f"token:{key}",
            "peer": f"ipv4:10.{draw.randrange(256)}.{draw.randrange(256)}.{draw.randrange(1, 255)}:{draw.randrange(2**15, 2**16)}",
            "state": "ready",
            "since": text_of(now - age),
            "revision": 1,
            "extensions": ["drain", "identity", "liveness"],
            "openRPCs": draw.randrange(4),
            "rpcs": {"started": int(scale), "finished": {"OK": int(scale)} if scale >= 1 else {}},
            "sent": {"messages": int(scale), "bytes": int(scale * 900)},
            "received": {"messages": int(scale * 3), "bytes": int(scale * 15_000)},
            "heldBytes": 0,
            "windowStalls": {"count": 0, "seconds": 0},
            "roundTripSeconds": draw.uniform(0.0004, 0.08),
        }
        if draw.random() < 0.04:
            tunnel["state"] = draw.choice(["silent", "full", "suspended", "opening"])
        if draw.random() < 0.1:
            tunnel["rpcs"]["finished"]["UNAVAILABLE"] = draw.randrange(1, 40)
            tunnel["rpcs"]["finished"]["NOT_FOUND"] = draw.randrange(1, 9)
            tunnel["windowStalls"] = {"count": draw.randrange(1, 90), "seconds": draw.uniform(0.1, 9)}
            tunnel["heldBytes"] = draw.randrange(10**6)
        tunnel["version"] = self.touch()
        self.tunnels[name] = tunnel
        return tunnel

    def touch(self):
        self.version += 1
        return self.version

    def end(self, name, failed, side, code, reason, age=timedelta()):
        tunnel = self.tunnels.pop(name)
        closed = {k: v for k, v in tunnel.items() if k not in ("state", "openRPCs", "heldBytes", "roundTripSeconds")}
        closed |= {"closedAt": text_of(datetime.now(timezone.utc) - age), "closedBy": side, "failed": failed}
        closed |= {k: v for k, v in (("code", code), ("reason", reason)) if v}
        closed["version"] = self.touch()
        self.closed.insert(0, closed)

    def tick(self):
        """A second passes."""
        if self.is_calm:
            return
        with self.lock:
            draw = self.random
            for tunnel in list(self.tunnels.values()):
                if draw.random() > 0.4 or tunnel["state"] != "ready":
                    continue
                count = draw.randrange(1, 30)
                finished = tunnel["rpcs"]["finished"]
                finished["OK"] = finished.get("OK", 0) + count
                if draw.random() < 0.02:
                    finished["UNAVAILABLE"] = finished.get("UNAVAILABLE", 0) + 1
                tunnel["rpcs"]["started"] += count
                tunnel["openRPCs"] = draw.randrange(6)
                for way, size in (("sent", 700), ("received", 21_000)):
                    tunnel[way]["messages"] += count
                    tunnel[way]["bytes"] += int(count * draw.uniform(0.5, 1.5) * size)
                tunnel["version"] = self.touch()
            if draw.random() < 0.3 and self.tunnels:
                name, tunnel = draw.choice(list(self.tunnels.items()))
                self.end(name, True, "remote", "UNAVAILABLE", "the connection was lost")
                self.open(tunnel["key"])

    def act(self, name, action, reason):
        with self.lock:
            tunnel = self.tunnels.get(name)
            if tunnel is None:
                return False
            if action == "drain":
                tunnel |= {"state": "draining", "drainingSide": "local", "version": self.touch()}
                tunnel["drainingSince"] = text_of(datetime.now(timezone.utc))
            else:
                text = "closed by the operator" + (f": {reason}" if reason else "")
                self.end(name, False, "local", "UNAVAILABLE", text)
            return True

    def overview(self, since=None):
        with self.lock:
            now = text_of(datetime.now(timezone.utc))
            newer = [t for t in self.tunnels.values() if since is None or t["version"] > since]
            closed = [t for t in self.closed if since is None or t["version"] > since]
            message = {"now": now, "state": "ready", "tunnels": newer, "closed": closed}
            if since is None:
                message |= {
                    "program": "router",
                    "version": "0.1.0",
                    "startedAt": text_of(self.started),
                    "actions": ["drain", "close"],
                    "keepsRPCs": True,
                }
            else:
                message["gone"] = [t["id"] for t in closed]
            return json.dumps(message), self.version

    def rpcs(self):
        draw = random.Random(time.time() // 2)
        now = datetime.now(timezone.utc)
        return [
            {
                "endedAt": text_of(now - timedelta(seconds=index * 0.3)),
                "method": draw.choice(["shop.Printer/PrintLabel", "shop.Till/Open", "shop.Stock/Watch"]),
                "key": f"shop-{draw.randrange(1, 9)}",
                "status": draw.choice(["OK"] * 12 + ["NOT_FOUND", "DEADLINE_EXCEEDED"]),
                "seconds": draw.expovariate(40),
                "request": {"messages": 1, "bytes": draw.randrange(20, 900)},
                "response": {"messages": 1, "bytes": draw.randrange(2, 90_000)},
            }
            for index in range(100)
        ]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    tunnels: FakeTunnels
    token = None

    def log_message(self, *arguments):
        pass

    def answer(self, status, body, kind="application/json"):
        data = body if isinstance(body, bytes) else body.encode()
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.send_header("content-security-policy", POLICY)
        self.end_headers()
        self.wfile.write(data)

    def is_refused(self):
        if self.token and self.headers.get("authorization") != f"Bearer {self.token}":
            self.answer(401, json.dumps({"error": "a valid token is needed"}))
            return True
        return False

    def do_GET(self):
        path = self.path.split("?")[0]
        name = "index.html" if path == "/" else path[1:]
        if (PAGE / name).is_file() and "/" not in name:
            return self.answer(200, (PAGE / name).read_bytes(), TYPES[Path(name).suffix])
        if self.is_refused():
            return None
        if path == "/api/tunnels":
            return self.answer(200, self.tunnels.overview()[0])
        if path == "/api/rpcs":
            return self.answer(200, json.dumps({"rpcs": self.tunnels.rpcs()}))
        if path == "/api/events":
            return self.stream()
        return self.answer(404, json.dumps({"error": f"there is nothing at {path}"}))

    def stream(self):
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        self.close_connection = True
        try:
            text, seen = self.tunnels.overview()
            self.event("overview", text)
            while not self.server.is_over.wait(1):
                text, seen = self.tunnels.overview(seen)
                self.event("changes", text)
        except OSError:
            pass

    def event(self, name, text):
        self.wfile.write(f"event: {name}\ndata: {text}\n\n".encode())
        self.wfile.flush()

    def do_POST(self):
        length = int(self.headers.get("content-length") or 0)
        body = json.loads(self.rfile.read(length) or b"{}")
        if self.is_refused():
            return None
        if self.headers.get("x-grpc-tunnel-admin") != "1":
            return self.answer(403, json.dumps({"error": "the header 'x-grpc-tunnel-admin: 1' is missing"}))
        _, _, _, name, action = self.path.split("/")
        if self.tunnels.act(name, action, body.get("reason")):
            return self.answer(202, json.dumps({"id": name}))
        return self.answer(404, json.dumps({"error": f"there is no tunnel '{name}'"}))


def serve(port, tunnels, token=None):
    """Starts a server in a thread; stop it with its `stop()`."""
    handler = type("FakeAdminHandler", (Handler,), {"tunnels": tunnels, "token": token})
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    server.daemon_threads = True
    server.is_over = threading.Event()
    tunnels.server = server

    def tick():
        while not server.is_over.wait(1):
            tunnels.tick()

    def stop():
        server.is_over.set()
        server.shutdown()
        server.server_close()

    server.stop = stop
    threading.Thread(target=tick, daemon=True).start()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=9000)
    parser.add_argument("--tunnels", type=int, default=1000)
    parser.add_argument("--token")
    arguments = parser.parse_args()
    server = serve(arguments.port, FakeTunnels(arguments.tunnels), arguments.token)
    print(f"http://127.0.0.1:{arguments.port}/")
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        server.stop()


if __name__ == "__main__":
    main()
