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

"""A router, an agent and a server of forward tunnels, for a hostile HTTP/2 client to attack."""

import itertools
from types import SimpleNamespace

import pytest
from hostile.carriers import expect_good_call
from hostile.malformed import KEY
from support.http2 import Connection
from support.programs import Program, expect_good_end, free_address, free_port
from support.routes import Programs, Route
from support.service import Interop, start_server

counter = itertools.count(1)


@pytest.fixture(scope="session")
def upstream():
    address = free_address()
    server = start_server(address, Interop())
    yield address
    server.stop(None).wait()


@pytest.fixture(scope="session")
def router(request):
    if request.config.getoption("--direct") or request.config.getoption("--python-only"):
        pytest.skip("needs the Swift programs")
    programs = Programs(request.config.getoption("--grpc-tunnel"))
    tunnel_address, address = free_address(), free_address()
    program = programs.start(
        "hostile-router",
        *("router", "--tunnel-address", tunnel_address, "--address", address),
        *("--log-level", "trace"),
    )
    yield SimpleNamespace(
        program=program, programs=programs, tunnel_address=tunnel_address, address=address
    )
    expect_good_end(program)


@pytest.fixture(scope="session")
def agent(router, upstream):
    program = router.programs.start(
        "hostile-agent",
        *("agent", "--router", router.tunnel_address, "--key", KEY, "--upstream", upstream),
        *("--log-level", "trace"),
    )
    yield program
    expect_good_end(program)


@pytest.fixture(scope="session")
def route(router, agent):
    route = Route(router.address, KEY)
    route.wait_until_ready()
    yield route
    route.close()


@pytest.fixture(scope="session")
def tunnel_server(request):
    """The address of a `GRPCServer` with a `TunnelService`, wrapped in `.sanitizing`."""
    if request.config.getoption("--direct") or request.config.getoption("--python-only"):
        pytest.skip("needs the Swift programs")
    port = free_port()
    program = Program(
        f"hostile-server-{next(counter)}",
        [request.config.getoption("--swift-peer"), "forward-server", "--port", str(port)],
    )
    program.wait_for_output("listening")
    yield SimpleNamespace(program=program, address=f"127.0.0.1:{port}")
    expect_good_end(program)


@pytest.fixture
def caller(router, route):
    """A connection to the router's address for callers. A normal call must work afterwards."""
    with Connection(router.address) as connection:
        yield connection
    route.probe()
    assert router.program.is_running


@pytest.fixture
def dialler(router, route):
    """A connection to the router's address for agents, likewise."""
    with Connection(router.tunnel_address) as connection:
        yield connection
    route.probe()
    assert router.program.is_running


@pytest.fixture
def opener(tunnel_server):
    """A connection to a server of forward tunnels, which must serve afterwards."""
    with Connection(tunnel_server.address) as connection:
        yield connection
    with Connection(tunnel_server.address) as connection:
        expect_good_call(connection)
    assert tunnel_server.program.is_running
