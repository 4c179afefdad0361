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

"""grpctunnel-py calls, the Swift peer serves: over a forward tunnel (role 1) and a reverse one (4).

A test named deviation is about a fault of grpctunnel-py 0.3.0 and shows that we survive it.
"""

import asyncio

import grpc
import grpctunnel
import interop_pb2
import interop_pb2_grpc
import pytest
from grpctunnel_py.conftest import LIMIT
from grpctunnel_py.peer import Call, as_sent, connected_channel, open_forward
from interop_pb2 import Failure, Request
from support.service import entries, pairs, pattern, status_code

SIZES = [1, 16_384, 16_385, 65_536, 65_537, 100_000, 1 << 20]


@pytest.fixture
def stub(tunnel):
    return interop_pb2_grpc.InteropStub(tunnel)


def ours(metadata, keys=("text", "ascii-bin")):
    return [(key, value) for key, value in sorted(metadata, key=lambda p: p[0]) if key in keys]


async def generate(requests):
    for request in requests:
        yield request


@pytest.mark.parametrize("size", SIZES)
def test_unary(loop, stub, size):
    reply = loop.run(stub.Unary(Request(payload=pattern(size))))
    assert reply.payload == pattern(size)


@pytest.mark.parametrize("size", SIZES)
def test_client_streaming(loop, stub, size):
    reply = loop.run(stub.Upload(generate([Request(payload=pattern(size))] * 5)))
    assert (reply.request_count, reply.request_bytes) == (5, 5 * size)


@pytest.mark.parametrize("size", SIZES)
def test_server_streaming(loop, stub, size):
    async def call():
        replies = await stub.Download(Request(reply_size=size, reply_count=5))
        return [reply async for reply in replies]

    replies = loop.run(call())
    assert [reply.index for reply in replies] == [0, 1, 2, 3, 4]
    assert all(reply.payload == pattern(size) for reply in replies)


@pytest.mark.parametrize("size", SIZES)
def test_bidirectional(loop, stub, size):
    async def call():
        replies = []
        chat = await stub.Chat()
        for _ in range(5):
            await chat.write(Request(payload=pattern(size)))
            replies.append(await chat.read())
        await chat.done_writing()
        assert await chat.read() is None
        return replies

    replies = loop.run(call())
    assert [reply.request_count for reply in replies] == [1, 2, 3, 4, 5]
    assert all(reply.payload == pattern(size) for reply in replies)


def test_an_empty_reply_arrives(loop, tunnel, python_only):
    if python_only:
        pytest.skip("the Python server does not send it")
    # No request: the reply has nothing to tell, and is a message of no bytes.
    assert loop.run(Call(tunnel, "Upload")()) == [interop_pb2.Reply()]


def test_many_calls_at_once(loop, stub):
    async def call():
        requests = [Request(payload=pattern(10_000 + index)) for index in range(50)]
        return await asyncio.gather(*(stub.Unary(request) for request in requests))

    assert [len(reply.payload) for reply in loop.run(call())] == list(range(10_000, 10_050))


def test_many_messages_in_order(loop, stub):
    async def call():
        replies = await stub.Download(Request(reply_size=100, reply_count=2_000))
        return [reply.index async for reply in replies]

    assert loop.run(call(), 60) == list(range(2_000))


def test_a_reply_that_nobody_reads_stops_no_other(loop, stub, python_only):
    async def call():
        stuck = await stub.Download(Request(reply_size=1 << 20, reply_count=10))
        for _ in range(5):
            assert len((await stub.Unary(Request(payload=pattern(100_000)))).payload) == 100_000
        return len([reply async for reply in stuck])

    assert loop.run(call(), 60) == 10


METADATA = [("text", "one"), ("text", "two"), ("text", "one"), ("ascii-bin", b"plain \x00\x7f")]


def test_request_metadata(loop, tunnel):
    call = Call(tunnel, "Unary", METADATA)
    (reply,) = loop.run(call(Request(report_call=True)))
    assert ours(pairs(reply.metadata)) == ours(METADATA)
    assert not [key for key, _ in pairs(reply.metadata) if key.startswith(("grpctunnel-", ":"))]


@pytest.mark.parametrize("kind", ["Unary", "Upload", "Download", "Chat"])
def test_response_metadata(loop, tunnel, kind):
    request = Request(
        reply_count=1, initial_metadata=entries(METADATA), trailing_metadata=entries(METADATA)
    )
    call = Call(tunnel, kind)
    assert len(loop.run(call(request))) == 1
    assert ours(call.initial_metadata) == ours(METADATA)
    assert ours(call.trailing_metadata) == ours(METADATA)


@pytest.mark.parametrize("code", range(1, 17))
def test_status_codes(loop, tunnel, code):
    request = Request(failure=Failure(code=code, message=f"code {code}: grüße"))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        loop.run(Call(tunnel, "Unary")(request))
    assert caught.value.code() == status_code(code)
    assert caught.value.details() == f"code {code}: grüße"


@pytest.mark.parametrize("kind", ["Unary", "Upload", "Download", "Chat"])
def test_a_failure_with_trailers(loop, tunnel, kind):
    request = Request(
        reply_count=2,
        trailing_metadata=entries(METADATA),
        failure=Failure(code=7, message="keep out", reasons=["NOBODY_READS_THIS"]),
    )
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        loop.run(Call(tunnel, kind)(request))
    # Details in the status are more than this peer looks at; it must not be hurt by them.
    assert caught.value.code() == grpc.StatusCode.PERMISSION_DENIED
    assert caught.value.details() == "keep out"
    assert ours(caught.value.trailing_metadata()) == ours(METADATA)


def test_an_unknown_method_is_unimplemented(loop, tunnel):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        loop.run(Call(tunnel, "NoSuchMethod")(Request(payload=b"x")))
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_a_deadline_in_the_metadata_is_kept(loop, tunnel, python_only):
    if python_only:
        pytest.skip("the Python server knows no deadlines")
    # This peer never sends one by itself. Many calls: each must end with that code, although its
    # handler is told to end at about the same time, and fails with another.
    async def call():
        request = Request(wait_for_end="deadline")
        try:
            await Call(tunnel, "Unary", [("grpc-timeout", "300m")])(request)
        except grpc.aio.AioRpcError as error:
            return error.code()

    async def calls():
        return await asyncio.gather(*(call() for _ in range(20)))

    assert loop.run(calls(), 10) == [grpc.StatusCode.DEADLINE_EXCEEDED] * 20


def test_a_request_above_the_limit_fails_alone(loop, limited_tunnel):
    async def call(size):
        # The message, not its payload, has that size.
        request = Request(payload=pattern(2 * size - Request(payload=pattern(size)).ByteSize()))
        assert request.ByteSize() == size
        return (await stub.Unary(request)).payload == request.payload

    stub = interop_pb2_grpc.InteropStub(limited_tunnel)
    assert loop.run(call(LIMIT))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        loop.run(call(LIMIT + 1))
    assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert loop.run(call(LIMIT))


def test_deviation_a_refused_request_without_credit_hangs(loop, tunnel, python_only):
    if python_only:
        pytest.skip("the Python server has no limit")
    # Our server takes 4 MiB. It refuses more at the first frame, and gives no credit for it; the
    # peer's sender waits for that even when the call is over. Its other calls go on.

    async def call():
        refused = Call(tunnel, "Unary")
        hanging = asyncio.create_task(refused(Request(payload=pattern(5 << 20))))
        try:
            while refused.stream is None:
                await asyncio.sleep(0.01)
            await refused.stream._done_event.wait()
            (reply,) = await Call(tunnel, "Unary")(Request(payload=pattern(100_000)))
            assert reply.payload == pattern(100_000)
            assert not hanging.done()
            return refused.stream._error
        finally:
            hanging.cancel()

    assert loop.run(call(), 20).code() == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_deviation_empty_messages_are_never_sent(loop, tunnel):
    reply = loop.run(Call(tunnel, "Upload")(Request(), Request(payload=b"x"), Request()))[0]
    assert reply.request_count == 1
    assert loop.run(Call(tunnel, "Chat")(Request(), Request())) == []


def test_deviation_a_unary_call_with_an_empty_request_fails_at_once(loop, tunnel):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        loop.run(Call(tunnel, "Unary")(Request()), 10)
    assert caught.value.code() in (
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.UNKNOWN,
    )


def test_deviation_binary_metadata_is_sent_as_latin_1(loop, tunnel, python_only):
    if python_only:
        pytest.skip("two Python peers agree")
    value = b"\x00\x7f\x80\xff"
    call = Call(tunnel, "Unary", [("ascii-bin", value)])
    (reply,) = loop.run(call(Request(report_call=True)))
    assert ours(pairs(reply.metadata)) == [("ascii-bin", as_sent(value))]
    assert as_sent(value) == b"\x00\x7f\xc2\x80\xc3\xbf"


def test_deviation_binary_metadata_is_read_as_latin_1(loop, tunnel, python_only):
    if python_only:
        pytest.skip("two Python peers agree")
    call = Call(tunnel, "Unary")
    request = Request(payload=b"x", initial_metadata=entries([("ascii-bin", "ü".encode())]))
    loop.run(call(request))
    assert ours(call.initial_metadata) == [("ascii-bin", b"\xfc")]


@pytest.mark.parametrize("place", ["initial_metadata", "trailing_metadata"])
def test_bytes_that_the_peer_cannot_take_fail_one_call(loop, tunnel, place, python_only):
    if python_only:
        pytest.skip("the Python server sends latin-1")
    request = Request(payload=b"x", **{place: entries([("raw-bin", b"\xff\xfe")])})
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        loop.run(Call(tunnel, "Unary")(request), 10)
    assert caught.value.code() == grpc.StatusCode.INTERNAL
    assert "raw-bin" in caught.value.details()
    assert loop.run(Call(tunnel, "Unary")(Request(payload=b"x")))[0].payload == b"x"


def test_a_second_tunnel_to_the_same_server(loop, forward_server_port):
    async def call():
        channel = await connected_channel(forward_server_port)
        for index in range(3):
            tunnel = await open_forward(channel)
            stub = interop_pb2_grpc.InteropStub(tunnel)
            reply = await stub.Unary(Request(payload=str(index).encode()))
            assert reply.payload == str(index).encode()
            await tunnel.close_async()
        await channel.close()

    loop.run(call())


def test_revision_zero(loop, forward_server_port):
    # Without flow control: what `disable_flow_control` means to this peer's client.
    async def call():
        channel = await connected_channel(forward_server_port)
        tunnel = await open_forward(channel, grpctunnel.TunnelOptions(disable_flow_control=True))
        stub = interop_pb2_grpc.InteropStub(tunnel)
        for size in SIZES:
            assert (await stub.Unary(Request(payload=pattern(size)))).payload == pattern(size)
        reply = await stub.Upload(generate([Request(payload=pattern(100_000))] * 5))
        assert reply.request_bytes == 500_000
        await tunnel.close_async()
        await channel.close()

    loop.run(call())


def test_our_server_lives_on_when_the_peer_is_cut_off(loop, forward_server_port):
    async def call():
        channel = await connected_channel(forward_server_port)
        tunnel = await open_forward(channel)
        hanging = asyncio.create_task(Call(tunnel, "Unary")(Request(wait_for_end="cut")))
        await asyncio.sleep(0.2)
        await channel.close()
        hanging.cancel()
        await tunnel.close_async()
        channel = await connected_channel(forward_server_port)
        tunnel = await open_forward(channel)
        (reply,) = await Call(tunnel, "Unary")(Request(payload=b"again"))
        assert reply.payload == b"again"
        await tunnel.close_async()
        await channel.close()

    loop.run(call())
