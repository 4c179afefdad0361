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

"""A relay between two programs, as networks are: cut, or silent while its connections stay open."""

import asyncio
import threading


class Relays:
    """Runs relays on a thread of their own."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(30)

    def relay(self, target):
        """A relay to an address, which need not be there yet."""
        relay = Relay(target)
        self.run(relay.start())
        relay.relays = self
        return relay

    def stop(self):
        self.loop.call_soon_threadsafe(self.loop.stop)


class Relay:
    def __init__(self, target):
        self.host, port = target.rsplit(":", 1)
        self.port = int(port)
        self.writers = set()
        self.is_forwarding = asyncio.Event()
        self.is_forwarding.set()
        self.address = None
        self.relays = None

    async def start(self):
        server = await asyncio.start_server(self.accept, "127.0.0.1", 0)
        self.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def accept(self, reader, writer):
        self.writers.add(writer)
        other = None
        try:
            await self.is_forwarding.wait()
            other_reader, other = await asyncio.open_connection(self.host, self.port)
            self.writers.add(other)
            await asyncio.gather(self.forward(reader, other), self.forward(other_reader, writer))
        except OSError:
            pass
        finally:
            for each in (writer, other):
                if each is not None:
                    self.writers.discard(each)
                    each.transport.abort()

    async def forward(self, reader, writer):
        while data := await reader.read(65536):
            await self.is_forwarding.wait()
            writer.write(data)
            await writer.drain()
        # One direction has ended, and soon the other: no end of ours closes half a connection.
        raise ConnectionResetError

    # From other threads

    def cut(self):
        """Resets all connections."""

        async def cut():
            for writer in list(self.writers):
                writer.transport.abort()

        self.relays.run(cut())

    def set_forwarding(self, is_forwarding):
        """While it does not forward, connections stay open, new ones too, and nothing comes through."""

        async def set_event():
            if is_forwarding:
                self.is_forwarding.set()
            else:
                self.is_forwarding.clear()

        self.relays.run(set_event())
