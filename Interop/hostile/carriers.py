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

"""Tunnels by hand: carriers on a raw HTTP/2 connection."""

from grpctunnel.proto.v1 import tunnel_pb2
from interop_pb2 import Reply, Request
from support.http2 import message

SERVICE = "/grpctunnel.v1.TunnelService/"
NEGOTIATE = ("grpctunnel-negotiate", "on")


class Carrier:
    """An open carrier RPC."""

    def __init__(self, connection, method, *headers, first=b""):
        self.connection = connection
        self.stream = connection.request(
            connection.headers(SERVICE + method, headers), first, end=False
        )

    def send(self, frame):
        self.send_bytes(frame.SerializeToString())

    def send_bytes(self, data):
        """A carrier message that need not be a frame."""
        self.connection.send(self.stream, message(data))

    def half_close(self):
        self.connection.send(self.stream, b"", end=True)

    def end(self):
        return self.connection.end(self.stream)

    def frames(self, kind):
        return [kind.FromString(data) for data in self.connection.messages(self.stream)]

    def wait_for(self, kind, is_awaited):
        """Reads until there is a frame like this, or the carrier is over."""
        state = self.connection.streams[self.stream]

        def is_there():
            return state.is_over or any(is_awaited(frame) for frame in self.frames(kind))

        self.connection.receive_until(is_there)
        return next((frame for frame in self.frames(kind) if is_awaited(frame)), None)


def new_stream(id, method, window=65536):
    """Starts an RPC of the interop service."""
    frame = tunnel_pb2.ClientToServer(stream_id=id)
    frame.new_stream.method_name = f"interop.Interop/{method}"
    frame.new_stream.initial_window_size = window
    frame.new_stream.protocol_revision = 1
    return frame


def request_message(id, request):
    data = request.SerializeToString()
    frame = tunnel_pb2.ClientToServer(stream_id=id)
    frame.request_message.size = len(data)
    frame.request_message.data = data
    return frame


def half_close(id):
    frame = tunnel_pb2.ClientToServer(stream_id=id)
    frame.half_close.SetInParent()
    return frame


def expect_good_call(connection):
    """Opens a forward tunnel, calls through it, and ends it."""
    carrier = Carrier(connection, "OpenTunnel", NEGOTIATE)
    kind = tunnel_pb2.ServerToClient
    assert carrier.wait_for(kind, lambda frame: frame.HasField("settings"))
    for frame in (new_stream(1, "Unary"), request_message(1, Request(payload=b"x")), half_close(1)):
        carrier.send(frame)
    close = carrier.wait_for(kind, lambda frame: frame.HasField("close_stream"))
    assert close.close_stream.status.code == 0
    replies = [f.response_message.data for f in carrier.frames(kind) if f.HasField("response_message")]
    assert Reply.FromString(replies[0]).payload == b"x"
    carrier.half_close()
    assert carrier.end().status == 0
