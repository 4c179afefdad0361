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

"""A hostile network server: what an agent dials is not what it should be. It dials again."""

import grpctunnel.proto.v1.tunnel_pb2 as pb
import pytest
from hostile.carriers import NEGOTIATE, half_close, new_stream, request_message
from hostile.malformed import FRAMES
from interop_pb2 import Reply, Request
from support.http2 import message
from support.http2_server import GRPC_HEADERS, Server
from support.programs import eventually

class NetworkServer(Server):
    """Misbehaves on the first carrier, and makes an RPC through the second."""

    def __init__(self, misbehave):
        super().__init__(self.begin, self.frames_came)
        self.misbehave = misbehave
        self.carriers = 0
        self.good = None
        self.reply = None

    def begin(self, peer, stream, headers):
        self.carriers += 1
        if self.carriers == 1:
            self.misbehave(peer, stream)
            return
        self.good = (peer, stream)
        peer.headers(stream, [*GRPC_HEADERS, NEGOTIATE])

    def frames_came(self, peer, stream):
        if self.good != (peer, stream):
            return
        frames = [pb.ServerToClient.FromString(data) for data in peer.messages(stream)]
        if len(frames) == 1:
            assert frames[0].HasField("settings")
            self.call(peer, stream)
        for frame in frames:
            if frame.HasField("response_message"):
                self.reply = Reply.FromString(frame.response_message.data)

    @staticmethod
    def call(peer, stream):
        request = request_message(1, Request(payload=b"x"))
        for frame in (new_stream(1, "Unary"), request, half_close(1)):
            peer.send(stream, message(frame.SerializeToString()))


def status(code, *extra):
    def misbehave(peer, stream):
        peer.headers(
            stream, [*GRPC_HEADERS, ("grpc-status", str(code)), *extra], end=True
        )

    return misbehave


def headers(*headers, end=False):
    return lambda peer, stream: peer.headers(stream, headers, end=end)


def carrier_messages(*messages):
    """Opens the tunnel and sends carrier messages."""

    def misbehave(peer, stream):
        peer.headers(stream, [*GRPC_HEADERS, NEGOTIATE])
        for data in messages:
            peer.send(stream, data)

    return misbehave


def raw(data):
    def misbehave(peer, stream):
        peer.headers(stream, [*GRPC_HEADERS, NEGOTIATE])
        peer.send_raw(data)

    return misbehave


FAULTS = {
    "refuses with UNAVAILABLE": status(14),
    "refuses with a status that there is not": status(99),
    "refuses with PERMISSION_DENIED": status(7),
    "is a web server": headers((":status", "200"), ("content-type", "text/html"), end=True),
    "fails with 502": headers((":status", "502"), end=True),
    "closes the connection": lambda peer, stream: peer.close(),
    "sends a carrier message that is no frame": carrier_messages(message(b"\xff\xff")),
    "sends a carrier message of 4 GiB": carrier_messages(message(b"x", length=0xFFFFFFFF)),
    "sends frames of a stream that it has not started": carrier_messages(
        message(pb.ClientToServer(stream_id=7, window_update=1).SerializeToString())
    ),
    "starts a stream with a negative id": carrier_messages(
        message(
            pb.ClientToServer(
                stream_id=-5, new_stream=pb.NewStream(method_name="a/b")
            ).SerializeToString()
        )
    ),
    "sends a message that is compressed by nothing": carrier_messages(message(b"x", compressed=1)),
} | {f"sends {name}": raw(data) for name, data in FRAMES.items()}

# These leave the connection, and with it the tunnel, as it is.
HARMLESS = {"sends an unknown frame", "sends an update of 0"}


@pytest.mark.parametrize("name", FAULTS)
def test_a_network_server_that(router, upstream, name):
    with NetworkServer(FAULTS[name]) as server:
        program = router.programs.start(
            "hostile-dialling-agent",
            *("agent", "--router", server.address, "--key", "k", "--upstream", upstream),
            *("--log-level", "trace"),
        )
        try:

            def is_served():
                assert server.reply is not None and server.reply.payload == b"x"

            if name not in HARMLESS:
                eventually(is_served, timeout=45)
            assert program.is_running, program.tail()
        finally:
            program.kill()
