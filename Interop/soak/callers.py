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

"""Callers under a steady load. Run as a program; writes a line of JSON for each RPC that has ended.

Each caller makes RPCs of all kinds one after the other, checks every answer, and knows how each must
end.
"""

import argparse
import asyncio
import itertools
import json
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / ".build" / "interop-python"))

import grpc
import grpc.aio
import interop_pb2_grpc
from interop_pb2 import Failure, Request
from support.service import pattern

OPTIONS = [
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.max_receive_message_length", 8 << 20),
    # A connection for each caller. All of them together reset more than 200 streams in 30 s, after which
    # swift-nio-http2 closes a connection.
    ("grpc.use_local_subchannel_pool", 1),
]

# No RPC takes two seconds when nothing is wrong.
DEADLINE = 10
SHORT_DEADLINE = 0.3

# What grpcio says, with INTERNAL, of a write to a call whose connection it has just lost.
LOST_WHILE_WRITING = "Internal error from Core"


class WrongAnswer(Exception):
    pass


def expect(actual, expected, what):
    if actual != expected:
        raise WrongAnswer(f"{what}: {str(actual)[:100]} instead of {str(expected)[:100]}")


class Caller:
    """One RPC after the other, through one router."""

    def __init__(self, name, stub, key, log):
        self.name = name
        self.stub = stub
        self.log = log
        self.random = random.Random(name)
        self.metadata = (("tunnel-key", key), ("caller", name))
        self.numbers = itertools.count(1)

    async def run(self, end):
        kinds = [
            self.unary, self.unary, self.unary, self.upload, self.download, self.chat, self.large,
            self.failure, self.cancelled, self.too_late,
        ]
        while time.monotonic() < end:
            kind = self.random.choice(kinds)
            await self.record(kind)
            await asyncio.sleep(self.random.uniform(0, 0.1))

    async def record(self, kind):
        text = f"{self.name}-{next(self.numbers)}"
        start = time.monotonic()
        code, note = "OK", ""
        try:
            await kind(text)
        except grpc.aio.AioRpcError as error:
            code, note = error.code().name, error.details()
            if note == LOST_WHILE_WRITING:
                code = "UNAVAILABLE"
        except WrongAnswer as error:
            code, note = "WRONG", str(error)
        self.log.write(
            json.dumps(
                {
                    "rpc": text, "kind": kind.__name__, "router": self.name.split("-")[0],
                    "start": start, "end": time.monotonic(),
                    "deadline": SHORT_DEADLINE if kind == self.too_late else DEADLINE,
                    "code": code, "note": note,
                }
            )
            + "\n"
        )
        self.log.flush()

    def options(self, timeout=DEADLINE):
        return {"metadata": self.metadata, "timeout": timeout}

    def payload(self, text, size):
        return text.encode() + pattern(size)

    async def unary(self, text):
        payload = self.payload(text, self.random.choice([0, 10, 1000, 50_000]))
        reply = await self.stub.Unary(Request(payload=payload), **self.options())
        expect(reply.payload, payload, "payload")

    async def large(self, text):
        payload = self.payload(text, 1_000_000)
        reply = await self.stub.Unary(Request(payload=payload), **self.options())
        expect(reply.payload, payload, "payload")

    async def upload(self, text):
        payloads = [self.payload(f"{text} {number} ", 1000 * number) for number in range(10)]

        async def requests():
            for payload in payloads:
                yield Request(payload=payload)
                await asyncio.sleep(0.01)

        reply = await self.stub.Upload(requests(), **self.options())
        expect(reply.request_count, 10, "requests")
        expect(reply.request_bytes, sum(map(len, payloads)), "bytes")
        expect(reply.payload, payloads[-1], "the last payload")

    async def download(self, text):
        payload = self.payload(text, 10_000)
        call = self.stub.Download(Request(payload=payload, reply_count=20), **self.options())
        indices = []
        async for reply in call:
            expect(reply.payload, payload, "payload")
            indices.append(reply.index)
            await asyncio.sleep(0.005)
        expect(indices, list(range(20)), "indices")

    async def chat(self, text):
        call = self.stub.Chat(**self.options())
        for number in range(10):
            payload = self.payload(f"{text} {number}", 500)
            await call.write(Request(payload=payload))
            reply = await call.read()
            # The end of a call that has failed: its status is raised below.
            if reply is grpc.aio.EOF:
                break
            expect(reply.payload, payload, "payload")
        else:
            await call.done_writing()
            expect(await call.read(), grpc.aio.EOF, "the end")
        if await call.code() != grpc.StatusCode.OK:
            raise grpc.aio.AioRpcError(
                await call.code(), await call.initial_metadata(), await call.trailing_metadata(),
                details=await call.details(),
            )

    async def failure(self, text):
        request = Request(failure=Failure(code=9, message=text))
        try:
            await self.stub.Unary(request, **self.options())
        except grpc.aio.AioRpcError as error:
            if error.code() != grpc.StatusCode.FAILED_PRECONDITION:
                raise
            expect(error.details(), text, "message")
        else:
            raise WrongAnswer("an RPC that must fail has not")

    async def cancelled(self, text):
        call = self.stub.Unary(Request(wait_for_end=text), **self.options())
        await asyncio.sleep(0.05)
        call.cancel()
        try:
            await call
        except asyncio.CancelledError:
            pass
        else:
            raise WrongAnswer("an RPC that was cancelled was answered")

    async def too_late(self, text):
        try:
            await self.stub.Unary(Request(wait_for_end=text), **self.options(timeout=SHORT_DEADLINE))
        except grpc.aio.AioRpcError as error:
            if error.code() != grpc.StatusCode.DEADLINE_EXCEEDED:
                raise
        else:
            raise WrongAnswer("an RPC that waits for its deadline was answered")


async def main(arguments):
    end = time.monotonic() + arguments.seconds
    with open(arguments.records, "w") as log:
        callers = []
        for router in arguments.router:
            name, address = router.split("=")
            for number in range(arguments.concurrency):
                channel = grpc.aio.insecure_channel(address, options=OPTIONS)
                stub = interop_pb2_grpc.InteropStub(channel)
                callers.append(Caller(f"{name}-{number}", stub, arguments.key, log))
        print("calling", flush=True)
        await asyncio.gather(*(caller.run(end) for caller in callers))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--router", action="append", help="name=address")
    parser.add_argument("--key")
    parser.add_argument("--concurrency", type=int)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--records")
    asyncio.run(main(parser.parse_args()))
