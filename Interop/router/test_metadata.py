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

"""Metadata of requests, of first replies and of statuses."""

import grpc
import pytest
from interop_pb2 import Failure, Request
from support.service import entries, pairs

ALL_BYTES = bytes(range(256))

# Repeated keys keep their order; binary values need not be UTF-8, and may be empty.
METADATA = (
    ("text", "one"),
    ("text", "two"),
    ("text", "one"),
    ("with-punctuation", "a, b; c=\"d\" ~!@#"),
    ("utf8-bin", "grüße".encode()),
    ("raw-bin", ALL_BYTES),
    ("raw-bin", b"\xff\xfe\x00"),
    ("empty-bin", b""),
)

KEYS = {key for key, _ in METADATA}

# What belongs to a hop and not to the call.
HOP_KEYS = {
    ":authority",
    ":method",
    ":path",
    ":scheme",
    "connection",
    "content-length",
    "content-type",
    "grpc-accept-encoding",
    "grpc-encoding",
    "grpc-message",
    "grpc-status",
    "grpc-timeout",
    "host",
    "te",
}


def ours(metadata):
    """The pairs of the test, by key and in their order within it."""
    return {key: [v for k, v in metadata if k == key] for key in KEYS}


def test_request_metadata(route, stub):
    reply = stub.Unary(
        Request(payload=b"x", report_call=True), metadata=route.metadata(*METADATA), timeout=20
    )
    assert ours(pairs(reply.metadata)) == ours(METADATA)


def test_no_header_of_a_hop_reaches_the_server(route, stub):
    reply = stub.Unary(Request(report_call=True), metadata=route.metadata(), timeout=20)
    keys = {key for key, _ in pairs(reply.metadata)}
    assert not keys & HOP_KEYS
    assert not [key for key in keys if key.startswith(("grpctunnel-", ":"))]


def test_the_callers_user_agent_reaches_the_server(route, stub):
    reply = stub.Unary(Request(report_call=True), metadata=route.metadata(), timeout=20)
    agents = [value for key, value in pairs(reply.metadata) if key == "user-agent"]
    assert len(agents) == 1
    assert "grpc-python" in agents[0]


def request_with_metadata(**more):
    return Request(
        initial_metadata=entries(METADATA), trailing_metadata=entries(METADATA), **more
    )


def assert_metadata(call):
    assert ours(call.initial_metadata()) == ours(METADATA)
    assert ours(call.trailing_metadata()) == ours(METADATA)
    for metadata in (call.initial_metadata(), call.trailing_metadata()):
        assert not {key for key, _ in metadata} & HOP_KEYS


def test_response_metadata_of_unary(route, stub):
    _, call = stub.Unary.with_call(
        request_with_metadata(payload=b"x"), metadata=route.metadata(), timeout=20
    )
    assert_metadata(call)


def test_response_metadata_of_client_streaming(route, stub):
    _, call = stub.Upload.with_call(
        iter([request_with_metadata()]), metadata=route.metadata(), timeout=20
    )
    assert_metadata(call)


def test_response_metadata_of_server_streaming(route, stub):
    call = stub.Download(
        request_with_metadata(reply_count=3), metadata=route.metadata(), timeout=20
    )
    assert len(list(call)) == 3
    assert_metadata(call)


def test_response_metadata_of_bidirectional(route, stub):
    call = stub.Chat(iter([request_with_metadata()]), metadata=route.metadata(), timeout=20)
    assert len(list(call)) == 1
    assert_metadata(call)


def test_initial_metadata_comes_before_the_first_reply(route, stub):
    # This call has no reply; the server waits for its end. (For a call with one reply, grpcio
    # itself holds the first metadata back.)
    call = stub.Download(
        request_with_metadata(wait_for_end="initial-metadata"),
        metadata=route.metadata(),
        timeout=20,
    )
    assert ours(call.initial_metadata()) == ours(METADATA)
    assert call.is_active()
    call.cancel()


def test_metadata_of_a_failed_call(route, stub):
    with pytest.raises(grpc.RpcError) as caught:
        stub.Unary(
            request_with_metadata(failure=Failure(code=5, message="not here")),
            metadata=route.metadata(),
            timeout=20,
        )
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND
    assert_metadata(caught.value)
