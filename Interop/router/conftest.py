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

"""A Python server behind `grpc-tunnel agent`, and Python callers at `grpc-tunnel router`."""

from types import SimpleNamespace

import pytest
from support.programs import free_address
from support.routes import Programs, Route
from support.service import Interop, add_health_and_reflection, start_server

KEY = "shop-42"


@pytest.fixture(scope="session")
def direct(request):
    return request.config.getoption("--direct")


@pytest.fixture(scope="session")
def programs(request, direct):
    if direct:
        pytest.skip("needs grpc-tunnel")
    return Programs(request.config.getoption("--grpc-tunnel"))


@pytest.fixture(scope="session")
def upstream():
    """The server behind the agent, in this process."""
    address = free_address()
    servicer = Interop()
    server = start_server(address, servicer, add_health_and_reflection)
    yield SimpleNamespace(address=address, servicer=servicer)
    server.stop(None).wait()


@pytest.fixture(scope="session")
def router(request, direct):
    """A router that lives as long as the tests: (program, tunnel address, caller address)."""
    if direct:
        yield None
        return
    programs = request.getfixturevalue("programs")
    tunnel_address, address = free_address(), free_address()
    with programs.router(tunnel_address, address) as program:
        program.wait_for_output("listening for callers")
        yield SimpleNamespace(program=program, tunnel_address=tunnel_address, address=address)
        assert program.is_running, f"the router ended:\n{program.tail()}"


@pytest.fixture(scope="session")
def route(request, direct, upstream, router):
    """The way to `upstream` that most tests call."""
    if direct:
        route = Route(upstream.address)
        route.wait_until_ready()
        yield route
        route.close()
        return
    programs = request.getfixturevalue("programs")
    with programs.agent(router.tunnel_address, KEY, upstream.address) as agent:
        route = Route(router.address, KEY)
        route.wait_until_ready()
        yield route
        route.close()
        assert agent.is_running, f"the agent ended:\n{agent.tail()}"


@pytest.fixture(scope="session")
def stub(route):
    return route.stub
