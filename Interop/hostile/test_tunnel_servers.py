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

"""A hostile client at the servers to which tunnels are opened: the router's, and a TunnelService."""

import pytest
from grpctunnel.proto.v1 import tunnel_pb2
from hostile.malformed import (
    BAD_BODIES,
    CUT_BODIES,
    FRAMES,
    INTERNAL,
    INVALID_ARGUMENT,
    MALFORMED_PATHS,
    OK,
    UNIMPLEMENTED,
    is_refusal,
    parametrized_timeouts,
)
from hostile.carriers import NEGOTIATE, SERVICE, Carrier, expect_good_call, new_stream
from support.http2 import Connection

# A tunnel server's first frame, and a tunnel client's.
SETTINGS = tunnel_pb2.ServerToClient(
    stream_id=-1,
    settings=tunnel_pb2.Settings(supported_protocol_revisions=[0, 1], initial_window_size=65536),
)
AGENT = (NEGOTIATE, ("tunnel-key", "hostile"))


# The router's address for agents


@parametrized_timeouts
def test_reverse_tunnel_with_a_timeout_that_is_none(dialler, timeout):
    carrier = Carrier(dialler, "OpenReverseTunnel", *AGENT, ("grpc-timeout", timeout))
    carrier.send(SETTINGS)
    carrier.half_close()
    assert carrier.end().status == OK


@pytest.mark.parametrize("path", MALFORMED_PATHS + ["/none/none", SERVICE + "None"])
def test_another_method_than_those_of_tunnels(dialler, path):
    end = dialler.end(dialler.request(dialler.headers(path, AGENT), b""))
    assert end.connection_closed or is_refusal(end)


def test_a_forward_tunnel_is_refused(dialler):
    end = Carrier(dialler, "OpenTunnel", NEGOTIATE).end()
    assert end.status == UNIMPLEMENTED


@pytest.mark.parametrize("keys", [[], [""]])
def test_a_reverse_tunnel_without_a_key_is_refused(dialler, keys):
    headers = [("tunnel-key", key) for key in keys]
    end = Carrier(dialler, "OpenReverseTunnel", NEGOTIATE, *headers).end()
    assert end.status == INVALID_ARGUMENT
    assert "tunnel-key" in end.message


@pytest.mark.parametrize(
    "headers",
    [
        [("grpctunnel-negotiate", "off")],
        [("grpctunnel-negotiate", "on"), ("grpctunnel-negotiate", "off")],
        [NEGOTIATE, ("grpctunnel-extensions", ",,, ,drain,drain,no-such,\u00ff")],
        [NEGOTIATE, ("grpctunnel-extensions", "x," * 5000)],
        [NEGOTIATE, ("grpctunnel-extensions", "identity"), ("grpctunnel-slot", "-1")],
        [NEGOTIATE, ("grpctunnel-extensions", "identity"), ("grpctunnel-instance", "x" * 5000)],
        [
            NEGOTIATE, ("grpctunnel-extensions", "identity"), ("grpctunnel-instance", "a"),
            ("grpctunnel-slot", "99999999999999999999"),
        ],
    ],
)
def test_odd_headers_of_a_carrier(dialler, headers):
    carrier = Carrier(dialler, "OpenReverseTunnel", ("tunnel-key", "hostile"), *headers)
    if NEGOTIATE in headers:
        carrier.send(SETTINGS)
    carrier.half_close()
    assert carrier.end().status == OK


@pytest.mark.parametrize("name", CUT_BODIES)
def test_a_carrier_whose_message_is_cut(dialler, name):
    stream = dialler.request(dialler.headers(SERVICE + "OpenReverseTunnel", AGENT), CUT_BODIES[name])
    assert dialler.end(stream).status == OK


@pytest.mark.parametrize("name", BAD_BODIES)
def test_a_carrier_whose_body_is_not_a_message(dialler, name):
    body, codes = BAD_BODIES[name]
    stream = dialler.request(dialler.headers(SERVICE + "OpenReverseTunnel", AGENT), body)
    end = dialler.end(stream)
    assert is_refusal(end)


@pytest.mark.parametrize(
    "first",
    [
        b"\xff\xff", b"GET / HTTP/1.1", b"", b"\x12\x7f\x00", b"\0" * 100,
        tunnel_pb2.ServerToClient(stream_id=1).SerializeToString(),
        tunnel_pb2.ServerToClient(stream_id=0, settings=SETTINGS.settings).SerializeToString(),
        b"\x12\x06\x0a\x04\x0a\x02\xff\xfe",
    ],
)
def test_a_reverse_tunnel_whose_first_frame_is_not_settings(dialler, first):
    carrier = Carrier(dialler, "OpenReverseTunnel", *AGENT)
    carrier.send_bytes(first)
    assert carrier.end().status == INTERNAL


def test_a_hostile_agent_does_not_take_the_calls_of_another(dialler, route):
    carrier = Carrier(dialler, "OpenReverseTunnel", *AGENT)
    carrier.send(SETTINGS)
    route.probe()
    # Of a stream that nobody has started.
    stray = tunnel_pb2.ServerToClient(stream_id=7)
    stray.close_stream.SetInParent()
    carrier.send(stray)
    assert carrier.end().status == INTERNAL
    route.probe()


@pytest.mark.parametrize("name", FRAMES)
def test_frames_that_break_a_carriers_connection(router, route, name):
    with Connection(router.tunnel_address) as connection:
        carrier = Carrier(connection, "OpenReverseTunnel", *AGENT)
        carrier.send(SETTINGS)
        connection.send_raw(FRAMES[name])
    route.probe()
    assert router.program.is_running


# A GRPCServer with a TunnelService


@parametrized_timeouts
def test_forward_tunnel_with_a_timeout_that_is_none(opener, timeout):
    carrier = Carrier(opener, "OpenTunnel", NEGOTIATE, ("grpc-timeout", timeout))
    assert carrier.wait_for(tunnel_pb2.ServerToClient, lambda frame: frame.HasField("settings"))
    carrier.half_close()
    assert carrier.end().status == OK
    expect_good_call(opener)


@parametrized_timeouts
def test_an_rpc_in_a_forward_tunnel_with_such_a_timeout(opener, timeout):
    carrier = Carrier(opener, "OpenTunnel", NEGOTIATE)
    frame = new_stream(1, "Upload")
    frame.new_stream.request_headers.md["grpc-timeout"].val.append(timeout)
    carrier.send(frame)
    end = tunnel_pb2.ClientToServer(stream_id=1)
    end.cancel.SetInParent()
    carrier.send(end)
    carrier.half_close()
    assert carrier.end().status == OK


@pytest.mark.parametrize("path", MALFORMED_PATHS + ["/none/none", SERVICE + "None"])
def test_another_method_at_a_tunnel_service(opener, path):
    end = opener.end(opener.request(opener.headers(path), b""))
    assert end.connection_closed or is_refusal(end)


def test_a_reverse_tunnel_is_refused(opener):
    assert Carrier(opener, "OpenReverseTunnel", NEGOTIATE).end().status == UNIMPLEMENTED


@pytest.mark.parametrize("name", BAD_BODIES)
def test_a_forward_carrier_whose_body_is_not_a_message(opener, name):
    body, codes = BAD_BODIES[name]
    end = opener.end(opener.request(opener.headers(SERVICE + "OpenTunnel", [NEGOTIATE]), body))
    assert is_refusal(end)


@pytest.mark.parametrize("data", [b"\xff\xff", b"\x12\x7f\x00", b"\0" * 100])
def test_a_forward_tunnel_with_a_frame_that_is_malformed(opener, data):
    carrier = Carrier(opener, "OpenTunnel", NEGOTIATE)
    carrier.send_bytes(data)
    assert carrier.end().status == INTERNAL


@pytest.mark.parametrize("name", FRAMES)
def test_frames_that_break_a_forward_carriers_connection(tunnel_server, name):
    with Connection(tunnel_server.address) as connection:
        Carrier(connection, "OpenTunnel", NEGOTIATE)
        connection.send_raw(FRAMES[name])
    with Connection(tunnel_server.address) as connection:
        expect_good_call(connection)


def test_carriers_that_are_dropped(tunnel_server):
    for _ in range(50):
        with Connection(tunnel_server.address) as connection:
            Carrier(connection, "OpenTunnel", NEGOTIATE)
    with Connection(tunnel_server.address) as connection:
        expect_good_call(connection)


