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

"""Routers, agents, and the way of a call through them."""

import itertools

import grpc
import interop_pb2
import interop_pb2_grpc
from support.programs import Program, eventually

counter = itertools.count(1)


class Programs:
    """Starts routers and agents with the executable under test."""

    def __init__(self, executable):
        self.executable = executable

    def start(self, name, *arguments):
        return Program(f"{name}-{next(counter)}", [self.executable, *arguments])

    def router(self, tunnel_address, address):
        return self.start(
            "router", "router", "--tunnel-address", tunnel_address, "--address", address
        )

    def agent(self, router, key, upstream):
        return self.start(
            "agent", "agent", "--router", router, "--key", key, "--upstream", upstream
        )


class Route:
    """A way to call a server: through a router by a key, or (without a key) directly."""

    def __init__(self, address, key=None, options=()):
        self.address = address
        self.key = key
        self.channel = grpc.insecure_channel(address, options=list(options))
        self.stub = interop_pb2_grpc.InteropStub(self.channel)

    def metadata(self, *pairs):
        """Metadata of a call: what selects the agent, and the given pairs."""
        return (() if self.key is None else (("tunnel-key", self.key),)) + pairs

    def wait_until_ready(self, timeout=30.0):
        eventually(self.probe, timeout)

    def probe(self):
        reply = self.stub.Unary(
            interop_pb2.Request(payload=b"ready?"), metadata=self.metadata(), timeout=2
        )
        assert reply.payload == b"ready?"

    def close(self):
        self.channel.close()
