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

"""Messages of all four kinds of RPC, as an ordinary caller sends them."""

import threading

import grpc
import interop_pb2
import pytest
from interop_pb2 import Request
from support.service import pattern

MEBIBYTE = 1 << 20
SIZES = [0, 1, 16_384, 16_385, 65_536, MEBIBYTE]


@pytest.mark.parametrize("size", SIZES)
def test_unary(route, stub, size):
    reply = stub.Unary(Request(payload=pattern(size)), metadata=route.metadata(), timeout=20)
    assert reply.payload == pattern(size)
    assert reply.request_count == 1


def test_unary_with_a_message_of_no_bytes(route, stub):
    # A Reply that says one request came cannot be empty, so this one goes by raw bytes.
    call = route.channel.unary_unary("/interop.Interop/Upload")
    assert isinstance(call(b"", metadata=route.metadata(), timeout=20), bytes)


@pytest.mark.parametrize("size", SIZES)
def test_client_streaming(route, stub, size):
    requests = (Request(payload=pattern(size)) for _ in range(5))
    reply = stub.Upload(requests, metadata=route.metadata(), timeout=20)
    assert reply.request_count == 5
    assert reply.request_bytes == 5 * size


def test_client_streaming_without_a_message(route, stub):
    reply = stub.Upload(iter(()), metadata=route.metadata(), timeout=20)
    assert reply == interop_pb2.Reply()


@pytest.mark.parametrize("size", SIZES)
def test_server_streaming(route, stub, size):
    request = Request(payload=b"x", reply_size=size, reply_count=5)
    replies = list(stub.Download(request, metadata=route.metadata(), timeout=20))
    assert [reply.index for reply in replies] == [0, 1, 2, 3, 4]
    # A size of 0 asks for an echo.
    assert all(reply.payload == (pattern(size) or b"x") for reply in replies)


def test_server_streaming_without_a_message(route, stub):
    assert list(stub.Download(Request(), metadata=route.metadata(), timeout=20)) == []


def test_server_streaming_of_many_messages_in_order(route, stub):
    request = Request(reply_size=100, reply_count=5_000)
    replies = stub.Download(request, metadata=route.metadata(), timeout=60)
    assert [reply.index for reply in replies] == list(range(5_000))


@pytest.mark.parametrize("size", SIZES)
def test_bidirectional(route, stub, size):
    requests = (Request(payload=pattern(size)) for _ in range(5))
    replies = list(stub.Chat(requests, metadata=route.metadata(), timeout=20))
    assert [reply.request_count for reply in replies] == [1, 2, 3, 4, 5]
    assert all(reply.payload == pattern(size) for reply in replies)


def test_bidirectional_turn_by_turn(route, stub):
    # Each request is sent only after the reply to the one before: nothing may be held back.
    turn = threading.Semaphore(1)

    def requests():
        for index in range(20):
            assert turn.acquire(timeout=10)
            yield Request(payload=str(index).encode())

    seen = []
    for reply in stub.Chat(requests(), metadata=route.metadata(), timeout=20):
        seen.append(reply.payload)
        turn.release()
    assert seen == [str(index).encode() for index in range(20)]


def test_bidirectional_without_a_message(route, stub):
    assert list(stub.Chat(iter(()), metadata=route.metadata(), timeout=20)) == []


def test_the_server_may_answer_before_the_requests_are_complete(route, stub):
    release = threading.Event()

    def requests():
        yield Request(failure=interop_pb2.Failure(code=9, message="enough"))
        release.wait(20)

    try:
        with pytest.raises(grpc.RpcError) as caught:
            list(stub.Chat(requests(), metadata=route.metadata(), timeout=15))
        assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION
        assert caught.value.details() == "enough"
    finally:
        release.set()


@pytest.mark.parametrize("compression", [grpc.Compression.Gzip, grpc.Compression.Deflate])
@pytest.mark.parametrize("size", [0, 1_000, MEBIBYTE])
def test_compressed_unary(route, stub, compression, size):
    reply = stub.Unary(
        Request(payload=pattern(size)),
        metadata=route.metadata(),
        timeout=20,
        compression=compression,
    )
    assert reply.payload == pattern(size)


@pytest.mark.parametrize("compression", [grpc.Compression.Gzip, grpc.Compression.Deflate])
def test_compressed_bidirectional(route, stub, compression):
    requests = (Request(payload=pattern(50_000)) for _ in range(10))
    replies = list(
        stub.Chat(requests, metadata=route.metadata(), timeout=20, compression=compression)
    )
    assert [len(reply.payload) for reply in replies] == [50_000] * 10


def test_200_calls_at_once(route, stub):
    # The server answers none of them before all are there.
    calls = [
        stub.Unary.future(
            Request(payload=str(index).encode(), meet=200), metadata=route.metadata(), timeout=60
        )
        for index in range(200)
    ]
    payloads = [call.result().payload for call in calls]
    assert payloads == [str(index).encode() for index in range(200)]


def test_1000_calls_one_after_the_other(route, stub):
    for index in range(1_000):
        payload = str(index).encode()
        reply = stub.Unary(Request(payload=payload), metadata=route.metadata(), timeout=20)
        assert reply.payload == payload


def test_a_call_that_does_not_read_stops_no_other(route, stub):
    # 100 MiB that nobody reads; the tunnel and the caller's connection are shared.
    stuck = stub.Download(
        Request(reply_size=MEBIBYTE, reply_count=100), metadata=route.metadata(), timeout=60
    )
    assert next(stuck).index == 0
    for _ in range(20):
        reply = stub.Unary(Request(payload=pattern(50_000)), metadata=route.metadata(), timeout=20)
        assert len(reply.payload) == 50_000
    stuck.cancel()
