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

"""The grpctunnel-py side of the tests: its event loop, its service, and calls with metadata."""

import asyncio
import threading
import time

import grpc
import grpctunnel
import interop_pb2
from grpctunnel.metadata import to_proto
from support.service import SERVICE, entries, pairs, pattern, status_code

Metadata = grpc.aio.Metadata


class Loop:
    """An event loop on a thread of its own, for tests that are not asynchronous."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def run(self, coroutine, timeout=30):
        """The coroutine's result; it is cancelled, and the test fails, after `timeout`."""

        async def limited():
            return await asyncio.wait_for(coroutine, timeout)

        return asyncio.run_coroutine_threadsafe(limited(), self.loop).result(timeout + 5)

    def start(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    def close(self):
        async def cancel_all():
            tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=5) if tasks else None

        asyncio.run_coroutine_threadsafe(cancel_all(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)


async def requests_of(stream):
    """The requests of a stream. The peer hands over bytes."""
    while True:
        try:
            data = await stream.recv_message()
        except StopAsyncIteration:
            return
        yield interop_pb2.Request.FromString(data)


class TunnelInterop:
    """The interop service, as handlers of a grpctunnel-py TunnelServer.

    The peer's contexts offer neither the first metadata nor the end of the call, so both are taken
    from the stream that they wrap.
    """

    def __init__(self):
        self.ends = {}

    def register(self, server):
        server.register_method(f"{SERVICE}/Unary", self.unary)
        server.register_method(f"{SERVICE}/Upload", self.upload, is_client_stream=True)
        server.register_method(f"{SERVICE}/Download", self.download, is_server_stream=True)
        server.register_method(
            f"{SERVICE}/Chat", self.chat, is_client_stream=True, is_server_stream=True
        )
        return server

    async def unary(self, data, context):
        request = interop_pb2.Request.FromString(data)
        await self.begin(request, context)
        await self.end(request, context)
        return self.reply(request, context, 0, 1, len(request.payload))

    async def upload(self, stream, context):
        count, size, last = 0, 0, interop_pb2.Request()
        async for last in requests_of(stream):
            count += 1
            size += len(last.payload)
        await self.begin(last, context)
        await self.end(last, context)
        return self.reply(last, context, 0, count, size)

    async def download(self, data, stream, context):
        request = interop_pb2.Request.FromString(data)
        await self.begin(request, context)
        for index in range(request.reply_count):
            await stream.send_message(self.reply(request, context, index, 1, len(request.payload)))
        await self.end(request, context)

    async def chat(self, stream, context):
        count, size, index = 0, 0, 0
        async for request in requests_of(stream):
            count += 1
            size += len(request.payload)
            if count == 1:
                await self.begin(request, context)
            for _ in range(request.reply_count or 1):
                await stream.send_message(self.reply(request, context, index, count, size))
                index += 1
            await self.end(request, context)

    async def begin(self, request, context):
        if request.initial_metadata:
            await context._stream.send_response_headers(Metadata(*pairs(request.initial_metadata)))
        if request.trailing_metadata:
            await context.set_trailing_metadata(Metadata(*pairs(request.trailing_metadata)))

    def reply(self, request, context, index, count, size):
        return interop_pb2.Reply(
            payload=pattern(request.reply_size) if request.reply_size else request.payload,
            index=index,
            request_count=count,
            request_bytes=size,
            metadata=entries(context.invocation_metadata()) if request.report_call else (),
        )

    async def end(self, request, context):
        if request.wait_for_end:
            limit = time.monotonic() + 30
            while not context._stream._closed and time.monotonic() < limit:
                await asyncio.sleep(0.02)
            self.ends[request.wait_for_end] = context._stream._closed
        if request.HasField("failure"):
            code, message = status_code(request.failure.code), request.failure.message
            raise grpc.aio.AioRpcError(code, Metadata(), Metadata(), message)


class Call:
    """One RPC of a grpctunnel-py client with all that its public methods do not show."""

    def __init__(self, channel, method, metadata=()):
        self.channel = channel
        self.method = f"/{SERVICE}/{method}"
        self.metadata = Metadata(*metadata)
        self.stream = None

    async def __call__(self, *requests):
        """Sends the requests and returns all replies."""
        async with self.channel._stream_creation_lock:
            self.stream = await self.channel._allocate_stream(self.method, self.metadata)
            await self.channel._send_new_stream(self.stream, self.metadata)
        for request in requests:
            await self.stream.send_message(request)
        await self.stream.close_send()
        replies = []
        while True:
            try:
                data = await self.stream.receive_message()
            except grpc.aio.AioRpcError as error:
                # The peer's word for the end with OK.
                if error.code() == grpc.StatusCode.CANCELLED and error.details() == "Stream closed":
                    return replies
                raise
            replies.append(interop_pb2.Reply.FromString(data))

    @property
    def initial_metadata(self):
        return list(self.stream._headers or ())

    @property
    def trailing_metadata(self):
        return list(self.stream._trailers or ())


# What the peer makes of binary metadata on the wire, for the tests that name the deviation.
def as_sent(value):
    message = to_proto(Metadata(("some-bin", value)))
    return message.md["some-bin"].val[0].encode()


async def connected_channel(port):
    channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}")
    await asyncio.wait_for(channel.channel_ready(), 30)
    return channel


async def open_forward(channel, options=None):
    """A forward tunnel on a channel of grpcio."""
    stub = grpctunnel.client.TunnelServiceStub(channel)
    tunnel = await grpctunnel.PendingChannel(stub, options).start()
    await asyncio.wait_for(tunnel.channel_ready(), 10)
    return tunnel
