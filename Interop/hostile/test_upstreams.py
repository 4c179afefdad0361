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

"""A hostile server behind an agent: the caller gets an error, and the agent lives on."""

import struct

import grpc
import pytest
from hostile.malformed import CONTINUATION, DATA, FRAMES, GOAWAY, HEADERS, RST_STREAM, frame
from interop_pb2 import Reply, Request
from support.http2 import message
from support.http2_server import GRPC_HEADERS, Server
from support.programs import eventually, expect_good_end
from support.routes import Route

KEY = "odd-shop"
REPLY = message(Reply(payload=b"x").SerializeToString())


def answer(*trailers, data=REPLY, headers=GRPC_HEADERS):
    """Answers with these trailers."""

    def behave(peer, stream, _):
        peer.headers(stream, headers)
        if data:
            peer.send(stream, data)
        if trailers:
            peer.trailers(stream, *trailers)

    return behave


def only(*headers):
    """Answers with headers alone."""

    def behave(peer, stream, _):
        peer.headers(stream, headers, end=True)

    return behave


def raw(data):
    """Answers with bytes, in which stream 1 stands for that of the request."""

    def behave(peer, stream, _):
        peer.send_raw(data.replace(struct.pack(">I", 1), struct.pack(">I", stream)))
        # What follows is the end of the connection for clients that tolerate it.
        peer.close()

    return behave


def gzipped(data):
    headers = [*GRPC_HEADERS, ("grpc-encoding", "gzip")]
    return answer(("grpc-status", "0"), data=message(data, compressed=1), headers=headers)


good = answer(("grpc-status", "0"))

NOT_GRPC = {
    "HTML": only((":status", "200"), ("content-type", "text/html")),
    "HTTP status 500": only((":status", "500")),
    "HTTP status 404": only((":status", "404"), ("content-type", "text/plain")),
    "HTTP status 999": only((":status", "999")),
    "no HTTP status": only(("content-type", "application/grpc"), ("grpc-status", "0")),
    "an HTTP status that is text": only((":status", "fine"), ("grpc-status", "0")),
    "informational headers for ever": raw(frame(HEADERS, 4, 1, b"\x08\x03100") * 10_000),
}

ODD_STATUSES = {
    "status 99": answer(("grpc-status", "99")),
    "status -1": answer(("grpc-status", "-1")),
    "a status that is text": answer(("grpc-status", "fine")),
    "an empty status": answer(("grpc-status", "")),
    "a huge status": answer(("grpc-status", "9" * 1000)),
    "two statuses": answer(("grpc-status", "5"), ("grpc-status", "0")),
    "no status": answer(("x", "y")),
    "a status 13 with an odd message": answer(("grpc-status", "13"), ("grpc-message", "%zz%f%")),
    "a status 13 with a message of zeros": answer(("grpc-status", "13"), ("grpc-message", "%00")),
    "a status 13 with details that are none": answer(
        ("grpc-status", "13"), ("grpc-status-details-bin", "!!!")
    ),
    "a status 13 with a binary trailer that is none": answer(
        ("grpc-status", "13"), ("odd-bin", "!!!")
    ),
    "a status 13 with trailers of 5 KB": answer(
        ("grpc-status", "13"), *[("k", "x" * 1000)] * 5
    ),
    # More than the HTTP/2 transport takes.
    "trailers of 100 KB": answer(("grpc-status", "13"), *[("k", "x" * 1000)] * 100),
    "a status 13 without a message": answer(("grpc-status", "13"), data=b""),
}

ODD_MESSAGES = {
    "a message of 4 GiB": answer(("grpc-status", "0"), data=message(b"x", length=0xFFFFFFFF)),
    "a compressed message, by nothing": answer(
        ("grpc-status", "0"), data=message(b"x", compressed=1)
    ),
    "a message that is not gzip": gzipped(b"xyz"),
    "a message that is cut short": gzipped(b"x"),
    "an empty message that is compressed": gzipped(b""),
    "an unknown compression": answer(
        ("grpc-status", "0"), headers=[*GRPC_HEADERS, ("grpc-encoding", "none-such")]
    ),
    "nothing behind the headers": answer(data=b""),
    "text": answer(("grpc-status", "0"), data=b"HTTP/1.1 200 OK\r\n\r\n"),
}

RESETS = {
    f"reset {code}": raw(frame(RST_STREAM, 0, 1, struct.pack(">I", code)))
    for code in (0, 1, 2, 7, 8, 11, 13, 99, 0xFFFFFFFF)
}

BROKEN_CONNECTIONS = {f"frames: {name}": raw(data) for name, data in FRAMES.items()} | {
    "a connection that is closed": lambda peer, stream, headers: peer.close(),
    "a goaway": raw(frame(GOAWAY, 0, 0, struct.pack(">II", 0, 0))),
    "headers of 1 MiB": raw(
        frame(HEADERS, 0, 1, b"\x88") + frame(CONTINUATION, 0, 1, b"\0\x01x\x7f\x80\x7f" + b"y" * 255) * 4000
    ),
    "data before headers": raw(frame(DATA, 0, 1, REPLY)),
}

BEHAVIOURS = {**NOT_GRPC, **ODD_STATUSES, **ODD_MESSAGES, **RESETS, **BROKEN_CONNECTIONS}


@pytest.fixture(scope="module")
def server():
    with Server(good) as server:
        yield server


@pytest.fixture(scope="module")
def route(router, server):
    program = router.programs.start(
        "hostile-upstream-agent",
        *("agent", "--router", router.tunnel_address, "--key", KEY, "--upstream", server.address),
        # The answers are the point, and so the agent must not look at them by itself.
        *("--health-check", "false"),
        *("--log-level", "trace"),
    )
    route = Route(router.address, KEY)
    yield route
    route.close()
    expect_good_end(program)


def call(route):
    return route.stub.Unary(Request(payload=b"x"), metadata=route.metadata(), timeout=5)


def wait_until_good(route):
    """The agent finds the server again, within the 2 s of its backoff, and serves."""
    def attempt():
        assert call(route).payload == b"x"

    eventually(attempt)


@pytest.mark.parametrize("name", BEHAVIOURS)
def test_an_answer_that_is_none(route, server, name):
    server.behaviour = good
    wait_until_good(route)
    server.behaviour = BEHAVIOURS[name]
    with pytest.raises(grpc.RpcError) as failure:
        call(route)
    assert failure.value.code() != grpc.StatusCode.OK
    if "status 13" in name:
        assert failure.value.code() == grpc.StatusCode.INTERNAL
    server.behaviour = good
    wait_until_good(route)


def test_an_answer_that_never_comes(route, server):
    server.behaviour = lambda peer, stream, headers: None
    with pytest.raises(grpc.RpcError) as failure:
        route.stub.Unary(Request(payload=b"x"), metadata=route.metadata(), timeout=1)
    assert failure.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    server.behaviour = good
    wait_until_good(route)
