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

    def start(self, name, *arguments, environment=None):
        return Program(f"{name}-{next(counter)}", [self.executable, *arguments], environment)

    def router(self, tunnel_address, address, *more, environment=None):
        addresses = ("--tunnel-address", tunnel_address, "--address", address)
        return self.start("router", "router", *addresses, *more, environment=environment)

    def agent(self, router, key, upstream, *more, environment=None):
        route = ("--router", router, "--key", key, "--upstream", upstream)
        return self.start("agent", "agent", *route, *more, environment=environment)

    def run(self, *arguments):
        """Runs a command to its end, which must be a good one, and returns what it printed."""
        with self.start("cli", *arguments) as program:
            code = program.wait()
            assert code == 0, program.output()
            return program.output()


class Route:
    """A way to call a server: through a router by a key, or (without a key) directly.

    With credentials (a root certificate and a token) the connection is encrypted.
    """

    def __init__(self, address, key=None, options=(), roots=None, token=None):
        self.address = address
        self.key = key
        self.token = token
        # Connections are not shared with other routes to the same address.
        options = [("grpc.use_local_subchannel_pool", 1), *options]
        if roots is None:
            self.channel = grpc.insecure_channel(address, options=options)
        else:
            credentials = grpc.ssl_channel_credentials(roots)
            self.channel = grpc.secure_channel(address, credentials, options=options)
        self.stub = interop_pb2_grpc.InteropStub(self.channel)

    def metadata(self, *pairs):
        """Metadata of a call: what selects the agent, and the given pairs."""
        key = () if self.key is None else (("tunnel-key", self.key),)
        token = () if self.token is None else (("authorization", f"Bearer {self.token}"),)
        return key + token + pairs

    def wait_until_ready(self, timeout=30.0):
        eventually(self.probe, timeout)

    def probe(self):
        reply = self.stub.Unary(
            interop_pb2.Request(payload=b"ready?"), metadata=self.metadata(), timeout=2
        )
        assert reply.payload == b"ready?"

    def close(self):
        self.channel.close()
