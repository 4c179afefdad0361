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

"""A thousand tunnels to a router, with traffic, in one process: to see the admin page and the terminal at work.

    grpc-tunnel router --tunnel-address 127.0.0.1:7001 --address 127.0.0.1:7000 --admin 127.0.0.1:9000
    .build/interop-venv/bin/python Interop/admin/many_tunnels.py --seconds 60

Each tunnel has a key of its own, shop-1 and so on, and answers every unary call with what it was sent.
"""

import argparse
import asyncio
import random
import sys
import tempfile
from pathlib import Path

import grpc
from grpc_tools import protoc

METHOD = "shop.Printer/PrintLabel"
PROTOS = Path(__file__).resolve().parents[2] / "Protos"


def load_protocol():
    folder = tempfile.mkdtemp()
    well_known = Path(protoc.__file__).parent / "_proto"
    arguments = ["protoc", f"--proto_path={PROTOS}", f"--proto_path={well_known}", f"--python_out={folder}"]
    if protoc.main([*arguments, "grpctunnel/v1/tunnel.proto"]) != 0:
        sys.exit("protoc failed")
    # A package, so that it comes before another one of this name that may be installed.
    for package in ("grpctunnel", "grpctunnel/v1"):
        (Path(folder) / package / "__init__.py").touch()
    sys.path.insert(0, folder)
    from grpctunnel.v1 import tunnel_pb2

    return tunnel_pb2


async def serve(protocol, channel, key, opened):
    """Keeps one tunnel open, and opens it again when it has ended."""
    while True:
        call = channel.stream_stream(
            "/grpctunnel.v1.TunnelService/OpenReverseTunnel",
            request_serializer=protocol.ServerToClient.SerializeToString,
            response_deserializer=protocol.ClientToServer.FromString,
        )(metadata=(("tunnel-key", key), ("grpctunnel-negotiate", "on")))
        try:
            await call.initial_metadata()
            settings = protocol.Settings(supported_protocol_revisions=[1], initial_window_size=65536)
            await call.write(protocol.ServerToClient(stream_id=-1, settings=settings))
            opened.add(key)
            await answer(protocol, call)
        except grpc.aio.AioRpcError as error:
            print(f"{key}: {error.code().name}: {error.details()}")
        await asyncio.sleep(random.uniform(0.2, 1))


async def answer(protocol, call):
    messages = {}
    while (frame := await call.read()) is not grpc.aio.EOF:
        kind = frame.WhichOneof("frame")
        if kind == "new_stream" and frame.new_stream.method_name.strip("/") != METHOD:
            # The router asks now and then whether anybody is there, by a method that nobody has.
            close = protocol.CloseStream(status=dict(code=12, message="unknown method"))
            await call.write(protocol.ServerToClient(stream_id=frame.stream_id, close_stream=close))
        elif kind == "new_stream":
            messages[frame.stream_id] = b""
        elif frame.stream_id not in messages:
            continue
        elif kind == "request_message":
            messages[frame.stream_id] += frame.request_message.data
        elif kind == "more_request_data":
            messages[frame.stream_id] += frame.more_request_data
        elif kind == "cancel":
            messages.pop(frame.stream_id)
        elif kind == "half_close":
            data = messages.pop(frame.stream_id)
            fails = random.random() < 0.02
            replies = [dict(response_headers=protocol.Metadata())]
            if not fails:
                replies.append(dict(response_message=protocol.MessageData(size=len(data), data=data)))
            close = protocol.CloseStream(status=dict(code=5, message="out of stock") if fails else dict(code=0))
            replies.append(dict(close_stream=close))
            for reply in replies:
                await call.write(protocol.ServerToClient(stream_id=frame.stream_id, **reply))


async def make_calls(address, keys, seconds):
    """A few callers at a time, each for another shop."""
    end = asyncio.get_running_loop().time() + seconds
    async with grpc.aio.insecure_channel(address) as channel:
        method = channel.unary_unary(f"/{METHOD}")

        async def caller():
            while asyncio.get_running_loop().time() < end:
                key = random.choice(keys)
                try:
                    await method(random.randbytes(random.randrange(20, 8000)), metadata=(("tunnel-key", key),), timeout=9)
                except grpc.aio.AioRpcError:
                    pass
                await asyncio.sleep(random.uniform(0, 0.1))

        await asyncio.gather(*(caller() for _ in range(8)))


async def run(arguments):
    protocol = load_protocol()
    keys = [f"shop-{number + 1}" for number in range(arguments.tunnels)]
    opened = set()
    # A connection carries a limited number of streams.
    channels = [
        grpc.aio.insecure_channel(arguments.tunnel_address, options=[("grpc.use_local_subchannel_pool", 1)])
        for _ in range(len(keys) // 50 + 1)
    ]
    tasks = [
        asyncio.create_task(serve(protocol, channels[number // 50], key, opened))
        for number, key in enumerate(keys)
    ]
    while len(opened) < len(keys):
        await asyncio.sleep(0.1)
    print(f"{len(keys)} tunnels are open", flush=True)
    await make_calls(arguments.address, keys, arguments.seconds)
    for task in tasks:
        task.cancel()
    for channel in channels:
        await channel.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tunnel-address", default="127.0.0.1:7001")
    parser.add_argument("--address", default="127.0.0.1:7000")
    parser.add_argument("--tunnels", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60)
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
