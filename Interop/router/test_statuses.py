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

"""Statuses, rich errors, deadlines and cancellation."""

import time

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from interop_pb2 import Failure, Request
from support.service import entries, pattern, status_code


def fails(call):
    """The error that a call ends with."""
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value


@pytest.mark.parametrize("code", range(1, 17))
def test_status_codes(route, stub, code):
    error = fails(
        lambda: stub.Unary(
            Request(failure=Failure(code=code, message=f"code {code}: 100% grüße")),
            metadata=route.metadata(),
            timeout=20,
        )
    )
    assert error.code() == status_code(code)
    assert error.details() == f"code {code}: 100% grüße"


def test_status_after_replies(route, stub):
    request = Request(reply_count=3, failure=Failure(code=15, message="lost"))
    received = []

    def call():
        for reply in stub.Download(request, metadata=route.metadata(), timeout=20):
            received.append(reply.index)

    error = fails(call)
    assert received == [0, 1, 2]
    assert error.code() == grpc.StatusCode.DATA_LOSS
    assert error.details() == "lost"


def test_status_of_client_streaming(route, stub):
    requests = iter([Request(), Request(failure=Failure(code=8, message="too many"))])
    error = fails(lambda: stub.Upload(requests, metadata=route.metadata(), timeout=20))
    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert error.details() == "too many"


def test_rich_error_with_details(route, stub):
    request = Request(
        trailing_metadata=entries([("beside", "the details"), ("raw-bin", b"\xff\x00")]),
        failure=Failure(code=7, message="keep out", reasons=["FIRST", "SECOND"]),
    )
    error = fails(lambda: stub.Unary(request, metadata=route.metadata(), timeout=20))
    status = rpc_status.from_call(error)
    assert status.code == grpc.StatusCode.PERMISSION_DENIED.value[0]
    assert status.message == "keep out"
    reasons = []
    for detail in status.details:
        info = error_details_pb2.ErrorInfo()
        assert detail.Unpack(info)
        reasons.append((info.reason, info.domain))
    assert reasons == [("FIRST", "interop"), ("SECOND", "interop")]
    trailers = dict(error.trailing_metadata())
    assert trailers["beside"] == "the details"
    assert trailers["raw-bin"] == b"\xff\x00"


def test_unknown_method_is_the_servers_unimplemented(route):
    call = route.channel.unary_unary("/interop.Interop/NoSuchMethod")
    error = fails(lambda: call(b"", metadata=route.metadata(), timeout=20))
    assert error.code() == grpc.StatusCode.UNIMPLEMENTED
    assert error.details() == "Method not found!"


def test_unknown_service_is_the_servers_unimplemented(route):
    call = route.channel.stream_stream("/no.Such/Service")
    error = fails(lambda: list(call(iter([b""]), metadata=route.metadata(), timeout=20)))
    assert error.code() == grpc.StatusCode.UNIMPLEMENTED
    assert error.details() == "Method not found!"


def test_a_message_above_the_limit_fails_alone(route, stub):
    error = fails(
        lambda: stub.Unary(
            Request(payload=pattern(5 << 20)), metadata=route.metadata(), timeout=20
        )
    )
    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    reply = stub.Unary(Request(payload=b"still here"), metadata=route.metadata(), timeout=20)
    assert reply.payload == b"still here"


@pytest.mark.parametrize("timeout", [0.3, 30, 3_600])
def test_the_server_knows_the_deadline(route, stub, timeout):
    reply = stub.Unary(Request(report_call=True), metadata=route.metadata(), timeout=timeout)
    # Every hop may round it up; grpcio does so to three digits.
    assert 0 < reply.remaining_milliseconds <= timeout * 1_010 + 1_000


def test_no_deadline_stays_none(route, stub):
    reply = stub.Unary(Request(report_call=True), metadata=route.metadata())
    assert reply.remaining_milliseconds == 0


@pytest.mark.parametrize("kind", ["Unary", "Upload", "Download", "Chat"])
def test_a_deadline_fires_on_both_ends(route, stub, upstream, kind):
    name = f"deadline-{kind}"
    request = Request(wait_for_end=name)
    method = getattr(stub, kind)
    argument = iter([request]) if kind in ("Upload", "Chat") else request
    started = time.monotonic()

    def call():
        result = method(argument, metadata=route.metadata(), timeout=1.0)
        if kind in ("Download", "Chat"):
            list(result)

    error = fails(call)
    assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert 0.9 <= time.monotonic() - started < 5
    end = upstream.servicer.end_of(name)
    assert end.ended.wait(5), "the server never saw the deadline"
    assert end.remaining_at_start is not None and 0 < end.remaining_at_start <= 1.1
    assert end.seconds < 3


@pytest.mark.parametrize("kind", ["Unary", "Upload", "Download", "Chat"])
def test_the_server_sees_a_cancel(route, stub, upstream, kind):
    name = f"cancel-{kind}"
    request = Request(wait_for_end=name)
    if kind == "Unary":
        call = stub.Unary.future(request, metadata=route.metadata(), timeout=60)
    elif kind == "Upload":
        call = stub.Upload.future(iter([request]), metadata=route.metadata(), timeout=60)
    elif kind == "Download":
        call = stub.Download(request, metadata=route.metadata(), timeout=60)
    else:
        call = stub.Chat(iter([request]), metadata=route.metadata(), timeout=60)
    end = upstream.servicer.end_of(name)
    assert not end.ended.wait(0.3), "ended before it was cancelled"
    call.cancel()
    assert call.code() == grpc.StatusCode.CANCELLED
    assert end.ended.wait(5), "the server never saw the cancel"
    assert end.remaining_at_end is None or end.remaining_at_end > 30


def test_the_server_sees_a_caller_that_is_gone(route, upstream):
    other = type(route)(route.address, route.key, options=[("grpc.use_local_subchannel_pool", 1)])
    call = other.stub.Unary.future(
        Request(wait_for_end="gone"), metadata=other.metadata(), timeout=60
    )
    end = upstream.servicer.end_of("gone")
    other.close()
    assert end.ended.wait(5), "the server never saw it"
    assert call.code() == grpc.StatusCode.CANCELLED
