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

"""Tunnels between grpctunnel-py and the Swift peer, in the four roles."""

import itertools
from contextlib import contextmanager
from types import SimpleNamespace

import grpc
import grpctunnel
import pytest
from grpctunnel.proto.v1 import TunnelServiceStub, add_TunnelServiceServicer_to_server
from grpctunnel_py.peer import (
    Loop,
    Metadata,
    TunnelInterop,
    connected_channel,
    open_forward,
)
from support.programs import Program, free_port

counter = itertools.count(1)


@pytest.fixture(scope="session")
def loop():
    loop = Loop()
    yield loop
    loop.close()


@pytest.fixture(scope="session")
def python_only(request):
    return request.config.getoption("--python-only")


@pytest.fixture(scope="session")
def swift(request, python_only):
    """Starts the Swift peer in one of its roles."""
    if python_only:
        pytest.skip("needs the Swift peer")
    executable = request.config.getoption("--swift-peer")

    def start(role, *arguments):
        return Program(f"{role}-{next(counter)}", [executable, role, *arguments])

    return start


async def python_server(handler, port=0):
    """A running grpcio server with the peer's tunnel service, and its port."""
    server = grpc.aio.server()
    add_TunnelServiceServicer_to_server(handler.service(), server)
    port = server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    return server, port


@pytest.fixture(scope="session")
def forward_server_port(swift, loop):
    """A server of ours that offers the interop service over forward tunnels."""
    with forward_server(swift, loop) as port:
        yield port


@contextmanager
def forward_server(swift, loop, *arguments):
    port = free_port()
    with swift("forward-server", "--port", port, *arguments) as program:
        loop.run(connected_channel(port), 30)
        yield port
        assert program.is_running, f"the server ended:\n{program.tail()}"


@contextmanager
def forward(loop, port):
    """Role 1: grpctunnel-py's network client has a forward tunnel to our server."""
    channel = loop.run(connected_channel(port), 40)
    tunnel = loop.run(open_forward(channel))
    yield tunnel
    loop.run(tunnel.close_async())
    loop.run(channel.close())


@contextmanager
def reverse(swift, loop, *arguments):
    """Role 4: our reverse server has registered with grpctunnel-py's network server."""
    with reverse_server(loop) as (port, opened):
        program = swift("reverse-server", "--target", f"127.0.0.1:{port}", *arguments)
        try:
            yield opened()
            assert program.is_running, f"the reverse server ended:\n{program.tail()}"
        finally:
            # The peer would not end the tunnel, so our side would wait for that: kill it.
            program.kill()


@contextmanager
def reverse_server(loop):
    """A grpctunnel-py network server: its port, and a function that waits for its first tunnel."""
    tunnels = []
    options = grpctunnel.TunnelServiceHandlerOptions(on_reverse_tunnel_open=tunnels.append)
    handler = grpctunnel.TunnelServiceHandler(options)
    server, port = loop.run(python_server(handler))

    def opened():
        assert loop.run(handler.as_channel().wait_for_ready(30), 40), "no tunnel was opened"
        return tunnels[0]

    yield port, opened
    for tunnel in tunnels:
        loop.run(tunnel.close_async())
    loop.run(server.stop(None))


@pytest.fixture(scope="session")
def forward_tunnel(request, loop, python_only):
    if not python_only:
        with forward(loop, request.getfixturevalue("forward_server_port")) as tunnel:
            yield tunnel
        return
    handler = TunnelInterop().register(grpctunnel.TunnelServiceHandler())
    server, port = loop.run(python_server(handler))
    with forward(loop, port) as tunnel:
        yield tunnel
    loop.run(server.stop(None))


@pytest.fixture(scope="session")
def reverse_tunnel(request, loop, python_only):
    if not python_only:
        with reverse(request.getfixturevalue("swift"), loop) as tunnel:
            yield tunnel
        return
    with reverse_server(loop) as (port, opened):
        channel = loop.run(connected_channel(port))
        service = TunnelInterop().register(
            grpctunnel.ReverseTunnelServer(TunnelServiceStub(channel))
        )
        serving = loop.start(service.serve())
        yield opened()
        serving.cancel()
        loop.run(channel.close())


@pytest.fixture(params=["forward", "reverse"])
def tunnel(request):
    """Both roles in which Python calls: 1 (forward) and 4 (reverse)."""
    return request.getfixturevalue(f"{request.param}_tunnel")


LIMIT = 32_768


@pytest.fixture(params=["forward", "reverse"])
def limited_tunnel(request, swift, loop):
    """Both roles, with a server of ours that takes messages up to `LIMIT`, less than a window."""
    arguments = ("--maximum-message-size", LIMIT)
    if request.param == "forward":
        with forward_server(swift, loop, *arguments) as port, forward(loop, port) as tunnel:
            yield tunnel
    else:
        with reverse(swift, loop, *arguments) as tunnel:
            yield tunnel


# Longer than the Swift peer takes at most: it gives up by itself.
PEER_LIMIT = 90


def forward_run(swift, loop, checks):
    """Role 3: our client opens a forward tunnel to grpctunnel-py's server, and reports."""
    service = TunnelInterop()
    handler = service.register(grpctunnel.TunnelServiceHandler())
    server, port = loop.run(python_server(handler))
    with swift("forward-client", "--target", f"127.0.0.1:{port}", "--checks", checks) as program:
        code = program.wait(PEER_LIMIT)
        output = program.output()
    loop.run(server.stop(None))
    return SimpleNamespace(code=code, output=output, service=service)


def reverse_run(swift, loop, checks):
    """Role 2: grpctunnel-py's reverse server registers with our server, which calls and reports."""
    service = TunnelInterop()
    port = free_port()
    with swift("reverse-caller", "--port", port, "--checks", checks) as program:
        channel = loop.run(connected_channel(port), 40)
        reverse = service.register(grpctunnel.ReverseTunnelServer(TunnelServiceStub(channel)))
        serving = loop.start(reverse.serve(metadata=Metadata(("agent-id", "python"))))
        code = program.wait(PEER_LIMIT)
        output = program.output()
    # What serving came to: None when it goes on although there is no tunnel any more.
    try:
        served = serving.result(2)
    except TimeoutError:
        served = None
        serving.cancel()
    loop.run(channel.close())
    return SimpleNamespace(code=code, output=output, service=service, served=served)


@pytest.fixture(scope="session")
def reports(swift, loop):
    """What the Swift peer says of its checks, by role and group; each of these runs once."""
    runs = {"forward": forward_run, "reverse": reverse_run}
    known = {}

    def report(role, checks):
        if (role, checks) not in known:
            known[role, checks] = runs[role](swift, loop, checks)
        return known[role, checks]

    return report
