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

"""A hostile caller at the router: headers, bodies and frames that no gRPC library sends."""

import base64
import gzip
import socket

import pytest
from hostile.malformed import (
    BAD_BODIES,
    CUT_BODIES,
    DEADLINE_EXCEEDED,
    FRAMES,
    INVALID_ARGUMENT,
    KEY,
    MALFORMED_PATHS,
    OK,
    UNIMPLEMENTED,
    is_refusal,
    parametrized_timeouts,
)
from interop_pb2 import Reply, Request
from support.http2 import Connection, message
from support.service import pairs

UNARY = "/interop.Interop/Unary"
REQUEST = message(Request(payload=b"x").SerializeToString())
REPORT = message(Request(report_call=True).SerializeToString())

pytestmark = pytest.mark.usefixtures("route")


def call(connection, *extra, body=REQUEST, path=UNARY, **more):
    headers = connection.headers(path, [("tunnel-key", KEY), *extra], **more)
    return connection.request(headers, body)


def expect_good_call(connection):
    """The same connection serves on."""
    stream = call(connection)
    assert connection.end(stream).status == OK
    assert Reply.FromString(connection.messages(stream)[0]).payload == b"x"


def expect_refusal(connection, stream):
    """The stream ends, not well, or its connection does: faults of headers are HTTP/2's too."""
    end = connection.end(stream)
    assert end.connection_closed or is_refusal(end)


@parametrized_timeouts
def test_a_timeout_that_is_none(caller, timeout):
    assert caller.end(call(caller, ("grpc-timeout", timeout))).status == OK
    expect_good_call(caller)


def test_the_last_of_several_timeouts_counts(caller):
    stream = call(caller, ("grpc-timeout", "-5S"), ("grpc-timeout", "20S"))
    assert caller.end(stream).status == OK
    stream = call(caller, ("grpc-timeout", "20S"), ("grpc-timeout", "1n"))
    assert caller.end(stream).status == DEADLINE_EXCEEDED


@pytest.mark.parametrize("timeout", ["0S", "0n", "1n", "00000001n"])
def test_a_timeout_that_has_passed(caller, timeout):
    assert caller.end(call(caller, ("grpc-timeout", timeout))).status == DEADLINE_EXCEEDED
    expect_good_call(caller)


@pytest.mark.parametrize("path", MALFORMED_PATHS)
def test_a_malformed_path(caller, path):
    expect_refusal(caller, call(caller, path=path))


def test_a_path_of_100_kilobytes(caller):
    expect_refusal(caller, call(caller, path="/" + "x" * 100_000 + "/y"))


@pytest.mark.parametrize("missing", [":method", ":scheme", ":path", "te", "content-type"])
def test_a_missing_header(caller, missing):
    end = caller.end(call(caller, without=(missing,)))
    if missing != "te" and not end.connection_closed:
        assert is_refusal(end)


@pytest.mark.parametrize(
    "replaced",
    [
        {"method": "GET"}, {"method": "CONNECT"}, {"method": ""}, {"content_type": "text/html"},
        {"content_type": ""}, {"scheme": "gopher"},
    ],
)
def test_a_wrong_header(caller, replaced):
    end = caller.end(call(caller, **replaced))
    if "scheme" not in replaced and not end.connection_closed:
        assert is_refusal(end)


@pytest.mark.parametrize(
    "header",
    [
        ("Upper-Case", "x"), ("", "empty"), (":unknown", "x"), ("connection", "close"),
        ("transfer-encoding", "chunked"), ("with space", "x"), ("with\0zero", "x"),
        ("zero", "a\0b"), ("newline", "a\r\nb: c"), ("high", "\u00ff\u00fe"),
        ("content-length", "-1"), ("content-length", "5"), ("grpc-status", "0"),
    ],
)
def test_an_odd_header(caller, header):
    end = caller.end(call(caller, header))
    assert end.is_over or end.connection_closed


@pytest.mark.parametrize("size", [10_000, 20_000, 1_000_000])
def test_large_headers(caller, size):
    values = [("large", "x" * 1000)] * (size // 1000)
    end = caller.end(call(caller, *values))
    assert end.is_over or end.connection_closed
    if size > 16_384:
        assert end.connection_closed or is_refusal(end)


def test_10_000_small_headers(caller):
    end = caller.end(call(caller, *[("k", "")] * 10_000))
    assert end.connection_closed or is_refusal(end)


@pytest.mark.parametrize("value", ["!!!", "a", "a===", "=", "\u00e9", "YQ==\n", "Y Q="])
def test_a_binary_value_that_is_not_base64(caller, value):
    end = caller.end(call(caller, ("bad-bin", value)))
    assert end.is_over or end.connection_closed


def test_a_binary_value_that_is_not_utf8(caller):
    value = base64.b64encode(b"\xff\xfe").decode().rstrip("=")
    assert caller.end(call(caller, ("raw-bin", value))).status == OK


def test_forged_headers_of_tunnels_do_not_pass(caller):
    forged = [
        ("grpctunnel-negotiate", "on"), ("grpctunnel-extensions", "drain"),
        ("grpctunnel-tunnel-id", "forged"), ("grpctunnel-instance", "forged"),
    ]
    stream = call(caller, *forged, ("mine", "1"), body=REPORT)
    assert caller.end(stream).status == OK
    reply = Reply.FromString(caller.messages(stream)[0])
    seen = {key for key, _ in pairs(reply.metadata)}
    assert "mine" in seen
    assert not [key for key in seen if key.startswith("grpctunnel-")]
    state = caller.streams[stream]
    assert "forged" not in {**state.headers, **state.trailers}.values()


@pytest.mark.parametrize("keys", [[], [""], ["none", "none"], [KEY, "other"], ["x" * 5000]])
def test_odd_keys(caller, keys):
    headers = caller.headers(UNARY, [("tunnel-key", key) for key in keys])
    assert is_refusal(caller.end(caller.request(headers, REQUEST)))
    expect_good_call(caller)


@pytest.mark.parametrize("name", CUT_BODIES)
def test_a_message_that_is_cut(caller, name):
    end = caller.end(call(caller, body=CUT_BODIES[name]))
    assert end.status == UNIMPLEMENTED, "The server wants one message"
    expect_good_call(caller)


@pytest.mark.parametrize("name", BAD_BODIES)
def test_a_body_that_is_not_a_message(caller, name):
    body, codes = BAD_BODIES[name]
    end = caller.end(call(caller, body=body))
    assert is_refusal(end)
    assert end.status in codes or end.reset is not None, end
    expect_good_call(caller)


def test_an_unknown_compression(caller):
    stream = call(caller, ("grpc-encoding", "none-such"), body=message(b"x", compressed=1))
    end = caller.end(stream)
    assert end.status == UNIMPLEMENTED
    expect_good_call(caller)


GZIP = gzip.compress(Request(payload=b"x" * 1000).SerializeToString())


@pytest.mark.parametrize(
    "data", [b"not gzip at all", b"x", b"", GZIP[:5], GZIP[:12], GZIP[:-9], GZIP[:-1], GZIP[:-4] + b"1234"]
)
def test_gzip_that_is_not(caller, data):
    """One that is cut short would keep GRPCNIOTransport busy for ever."""
    body = message(data, compressed=1)
    assert is_refusal(caller.end(call(caller, ("grpc-encoding", "gzip"), body=body)))
    expect_good_call(caller)


def test_a_bomb(caller):
    """A few kilobytes that are 128 MiB: more than any message may be."""
    import zlib

    compressor = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(compressor.compress(b"\0" * (1 << 20)) for _ in range(128))
    bomb += compressor.flush()
    end = caller.end(call(caller, ("grpc-encoding", "gzip"), body=message(bomb, compressed=1)))
    assert is_refusal(end)
    expect_good_call(caller)


@pytest.mark.parametrize("body", [REQUEST + REQUEST, REQUEST + b"\0"])
def test_more_than_one_message(caller, body):
    """Servers may take the first, and the HTTP/2 transport drops what is not a whole message."""
    end = caller.end(call(caller, body=body))
    assert end.is_over and not end.connection_closed
    expect_good_call(caller)


def test_headers_that_end_the_request(caller):
    """GRPCNIOTransport does not see that end: such an RPC waits for messages until its deadline."""
    end = caller.end(call(caller, ("grpc-timeout", "1S"), body=b""))
    assert end.status == DEADLINE_EXCEEDED
    expect_good_call(caller)


@pytest.mark.parametrize("name", FRAMES)
def test_frames_that_break_a_connection(router, route, name):
    with Connection(router.address) as connection:
        stream = call(connection)
        connection.send_raw(FRAMES[name])
        connection.receive_until(lambda: connection.streams[stream].is_over)
    # The others go on, and so does the process.
    with Connection(router.address) as connection:
        expect_good_call(connection)
    route.probe()


def test_bytes_that_are_no_http2_at_all(router, route):
    for data in (b"", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01" * 100, b"\0" * 10_000):
        host, port = router.address.rsplit(":", 1)
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(data)
    route.probe()


def test_a_thousand_streams_that_are_reset_at_once(router, route):
    with Connection(router.address) as connection:
        for _ in range(1000):
            stream = call(connection, body=b"")
            if connection.is_closed:
                break
            if not connection.streams[stream].is_over:
                connection.h2.reset_stream(stream)
                connection.flush()
    route.probe()


def test_a_hundred_connections_that_say_nothing(router, route):
    connections = [Connection(router.address) for _ in range(100)]
    route.probe()
    for connection in connections:
        connection.socket.close()


def test_invalid_argument_is_said_for_a_missing_key(caller):
    end = caller.end(caller.request(caller.headers(UNARY), REQUEST))
    assert end.status == INVALID_ARGUMENT
    assert "tunnel-key" in end.message
