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

"""What callers and operators see when something is missing, down or comes back."""

import itertools
import time

import grpc
import interop_pb2
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from interop_pb2 import Request
from support.programs import eventually, free_address
from support.routes import Route
from support.service import Interop, add_health_and_reflection, start_server

pytestmark = pytest.mark.usefixtures("programs")

visits = itertools.count(1)


def error_of(route, timeout=20):
    """The error of a call that must not succeed, nor wait for its deadline."""
    with pytest.raises(grpc.RpcError) as caught:
        route.stub.Unary(Request(payload=b"x"), metadata=route.metadata(), timeout=timeout)
    assert caught.value.code() != grpc.StatusCode.DEADLINE_EXCEEDED, "no answer in time"
    return caught.value


def assert_unavailable(route, *words):
    error = error_of(route)
    assert error.code() == grpc.StatusCode.UNAVAILABLE
    for word in words:
        assert word in error.details()


@pytest.fixture
def way(router):
    """Makes routes to the shared router."""
    routes = []

    def make(key, address=None):
        routes.append(Route(address or router.address, key))
        return routes[-1]

    yield make
    for route in routes:
        route.close()


def test_an_unknown_key_is_named(way):
    assert_unavailable(way("no-such-shop"), "no-such-shop")


def test_a_call_without_a_key_is_told_so(way):
    error = error_of(way(None))
    assert error.code() in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.UNAVAILABLE)
    assert "tunnel-key" in error.details()


def test_a_streaming_call_with_an_unknown_key_is_told_so(way):
    route = way("no-such-shop")
    call = route.stub.Chat(iter([Request()]), metadata=route.metadata(), timeout=20)
    with pytest.raises(grpc.RpcError) as caught:
        list(call)
    assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
    assert "no-such-shop" in caught.value.details()


def test_the_key_selects_the_agent(programs, router, way):
    addresses = [free_address(), free_address()]
    servicers = [Interop(), Interop()]
    servers = [start_server(*pair) for pair in zip(addresses, servicers)]
    try:
        with programs.agent(router.tunnel_address, "north", addresses[0]):
            with programs.agent(router.tunnel_address, "south", addresses[1]):
                north, south = way("north"), way("south")
                north.wait_until_ready()
                south.wait_until_ready()
                for route, servicer in ((north, servicers[0]), (south, servicers[1])):
                    call = route.stub.Unary.future(
                        Request(wait_for_end="where"), metadata=route.metadata(), timeout=20
                    )
                    servicer.end_of("where")
                    call.cancel()
                assert all(list(servicer.ends) == ["where"] for servicer in servicers)
    finally:
        for server in servers:
            server.stop(None)


def test_an_upstream_that_is_down_is_named_and_used_once_it_is_back(programs, router, way):
    upstream = free_address()
    # Without health checks the agent has a tunnel all the time.
    unwatched = ("--health-check", "false")
    with programs.agent(router.tunnel_address, "restarts", upstream, *unwatched) as agent:
        route = way("restarts")
        # First the agent must have registered: until then the key is unknown.
        eventually(lambda: assert_unavailable(route, upstream))
        for _ in range(2):
            server = start_server(upstream, Interop())
            route.wait_until_ready()
            server.stop(None).wait()
            assert_unavailable(route, upstream)
        assert agent.is_running


@pytest.mark.parametrize("add_more", [None, add_health_and_reflection])
def test_an_upstream_that_dies_leaves_the_pool_and_comes_back_by_itself(
    programs, router, way, add_more
):
    upstream, key = free_address(), f"dies-{add_more is None}"
    with programs.agent(router.tunnel_address, key, upstream) as agent:
        route = way(key)
        for _ in range(2):
            server = start_server(upstream, Interop(), add_more)
            route.wait_until_ready()
            server.stop(None).wait()
            eventually(lambda: assert_unavailable(route, "no tunnel", key))
        assert agent.is_running


def test_an_upstream_that_does_not_serve_is_passed_over(programs, router, way):
    """Of two agents with the same key, the one whose server says so leaves the pool."""
    servicers, addresses = [health.HealthServicer() for _ in range(2)], []
    counters, servers = [Interop(), Interop()], []
    for servicer, counter in zip(servicers, counters):
        addresses.append(free_address())
        servers.append(
            start_server(
                addresses[-1],
                counter,
                lambda server, servicer=servicer: health_pb2_grpc.add_HealthServicer_to_server(
                    servicer, server
                ),
            )
        )
    agents = [programs.agent(router.tunnel_address, "half", address) for address in addresses]
    try:
        route = way("half")
        for agent in agents:
            agent.wait_for_output("opened|offering")
        route.wait_until_ready()
        servicers[0].set("", health_pb2.HealthCheckResponse.NOT_SERVING)
        agents[0].wait_for_output("not ready")
        eventually(lambda: assert_goes_to(route, counters[1]))
        servicers[0].set("", health_pb2.HealthCheckResponse.SERVING)
        servicers[1].set("", health_pb2.HealthCheckResponse.NOT_SERVING)
        agents[1].wait_for_output("not ready")
        eventually(lambda: assert_goes_to(route, counters[0]))
    finally:
        for agent in agents:
            agent.stop()
        for server in servers:
            server.stop(None)


def assert_goes_to(route, servicer):
    """Ten calls in a row reach this server."""
    for _ in range(10):
        name = f"visit-{next(visits)}"
        call = route.stub.Unary.future(
            Request(wait_for_end=name), metadata=route.metadata(), timeout=20
        )
        servicer.end_of(name, timeout=2)
        call.cancel()


def test_a_call_in_flight_fails_when_the_upstream_dies(programs, router, way):
    upstream = free_address()
    servicer = Interop()
    server = start_server(upstream, servicer)
    with programs.agent(router.tunnel_address, "dies", upstream):
        route = way("dies")
        route.wait_until_ready()
        call = route.stub.Unary.future(
            Request(wait_for_end="in-flight"), metadata=route.metadata(), timeout=30
        )
        servicer.end_of("in-flight")
        server.stop(None)
        # What exactly is the server's business: it may still cancel the call in an orderly way.
        assert call.exception(timeout=10).code() in (
            grpc.StatusCode.CANCELLED,
            grpc.StatusCode.UNAVAILABLE,
        )


def test_an_agent_says_that_the_router_is_unreachable_and_finds_it_later(programs, upstream):
    tunnel_address, address = free_address(), free_address()
    with programs.agent(tunnel_address, "early", upstream.address) as agent:
        agent.wait_for_output(tunnel_address)
        time.sleep(2)
        assert agent.is_running, f"the agent gave up:\n{agent.tail()}"
        with programs.router(tunnel_address, address):
            route = Route(address, "early")
            route.wait_until_ready()
            route.close()


def test_an_agent_comes_back_after_the_router_restarted(programs, upstream):
    tunnel_address, address = free_address(), free_address()
    with programs.agent(tunnel_address, "patient", upstream.address) as agent:
        for _ in range(2):
            with programs.router(tunnel_address, address):
                route = Route(address, "patient", [("grpc.use_local_subchannel_pool", 1)])
                route.wait_until_ready()
                route.close()
        assert agent.is_running


def test_a_key_is_unknown_again_once_its_agent_ended(programs, router, upstream, way):
    agent = programs.agent(router.tunnel_address, "leaves", upstream.address)
    route = way("leaves")
    try:
        route.wait_until_ready()
    finally:
        assert agent.stop() is not None, "the agent had to be killed"
    eventually(lambda: assert_unavailable(route, "leaves"), timeout=10)


def test_calls_in_flight_fail_when_the_agent_is_killed(programs, router, upstream, way):
    with programs.agent(router.tunnel_address, "killed", upstream.address) as agent:
        route = way("killed")
        route.wait_until_ready()
        call = route.stub.Unary.future(
            Request(wait_for_end="killed"), metadata=route.metadata(), timeout=30
        )
        end = upstream.servicer.end_of("killed")
        agent.process.kill()
        assert call.exception(timeout=10).code() == grpc.StatusCode.UNAVAILABLE
        assert end.ended.wait(10), "the server never saw it"


def test_a_server_that_compresses_its_replies(programs, router, way):
    upstream = free_address()
    server = start_server(upstream, Interop(), compression=grpc.Compression.Gzip)
    try:
        with programs.agent(router.tunnel_address, "compresses", upstream):
            route = way("compresses")
            route.wait_until_ready()
            reply = route.stub.Unary(
                Request(reply_size=100_000), metadata=route.metadata(), timeout=20
            )
            assert isinstance(reply, interop_pb2.Reply) and len(reply.payload) == 100_000
    finally:
        server.stop(None)
