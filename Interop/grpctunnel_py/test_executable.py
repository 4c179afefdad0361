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

"""grpctunnel-py as the other end of `grpc-tunnel router` and `grpc-tunnel agent`."""

import grpctunnel
import interop_pb2
import pytest
from grpctunnel.proto.v1 import TunnelServiceStub
from grpctunnel_py.conftest import reverse_server
from grpctunnel_py.peer import Call, Metadata, TunnelInterop, connected_channel
from interop_pb2 import Request
from support.programs import free_address
from support.routes import Programs, Route
from support.service import Interop, pattern, start_server


@pytest.fixture
def programs(request, python_only):
    if python_only:
        pytest.skip("needs grpc-tunnel")
    return Programs(request.config.getoption("--grpc-tunnel"))


def test_a_reverse_server_registers_with_the_router(programs, loop):
    tunnel_address, address = free_address(), free_address()
    with programs.router(tunnel_address, address):
        channel = loop.run(connected_channel(int(tunnel_address.split(":")[1])), 40)
        server = TunnelInterop().register(
            grpctunnel.ReverseTunnelServer(TunnelServiceStub(channel))
        )
        serving = loop.start(server.serve(metadata=Metadata(("tunnel-key", "python"))))
        route = Route(address, "python")
        route.wait_until_ready()
        for size in (1, 100_000, 1 << 20):
            reply = route.stub.Unary(
                Request(payload=pattern(size)), metadata=route.metadata(), timeout=20
            )
            assert reply.payload == pattern(size)
        requests = (Request(payload=pattern(10_000)) for _ in range(10))
        replies = list(route.stub.Chat(requests, metadata=route.metadata(), timeout=20))
        assert [reply.request_count for reply in replies] == list(range(1, 11))
        route.close()
        serving.cancel()
        loop.run(channel.close())


def test_the_agent_registers_with_a_python_server(programs, loop):
    upstream = free_address()
    upstream_server = start_server(upstream, Interop())
    try:
        with reverse_server(loop) as (port, opened):
            agent = programs.agent(f"127.0.0.1:{port}", "python", upstream)
            try:
                tunnel = opened()
                for size in (1, 100_000, 1 << 20):
                    (reply,) = loop.run(Call(tunnel, "Unary")(Request(payload=pattern(size))))
                    assert reply.payload == pattern(size)
                # The reply to nothing is empty, and must arrive.
                assert loop.run(Call(tunnel, "Upload")()) == [interop_pb2.Reply()]
            finally:
                agent.kill()
    finally:
        upstream_server.stop(None)
