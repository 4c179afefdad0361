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

"""An HTTP/2 client made by hand: sends what no gRPC library would."""

import socket
import struct
import time
from types import SimpleNamespace

import h2.config
import h2.connection
import h2.events
import h2.exceptions


def message(data, compressed=0, length=None):
    """A gRPC message; `length` is what its prefix claims."""
    return struct.pack(">BI", compressed, len(data) if length is None else length) + data


class Body:
    """The data that a stream has received, and the gRPC messages in it."""

    def __init__(self):
        self.data = bytearray()
        self.start = 0
        self.complete = []

    def __len__(self):
        return len(self.data)

    def add(self, data):
        self.data += data

    @property
    def messages(self):
        """Those that are complete."""
        while len(self.data) - self.start >= 5:
            (length,) = struct.unpack_from(">I", self.data, self.start + 1)
            end = self.start + 5 + length
            if len(self.data) < end:
                break
            self.complete.append(bytes(self.data[self.start + 5 : end]))
            self.start = end
        return self.complete


class Connection:
    """One HTTP/2 connection. Headers and bodies leave as they are given."""

    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.address = address
        self.socket = socket.create_connection((host, int(port)), timeout=10)
        self.h2 = h2.connection.H2Connection(
            h2.config.H2Configuration(
                client_side=True,
                validate_outbound_headers=False,
                normalize_outbound_headers=False,
                validate_inbound_headers=False,
                header_encoding="utf-8",
            )
        )
        self.h2.initiate_connection()
        self.h2.increment_flow_control_window(1 << 24)
        self.streams = {}
        self.is_closed = False
        # Whether what was read makes room for more.
        self.gives_credit = True
        self.flush()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    # Sending

    def flush(self):
        self.send_raw(self.h2.data_to_send())

    def send_raw(self, data):
        """Bytes that need not be frames."""
        try:
            self.socket.sendall(data)
        except OSError:
            self.is_closed = True

    def headers(self, path, extra=(), without=(), **replaced):
        """A gRPC request's headers: without some, with others in their place, and with more."""
        headers = [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", path),
            (":authority", self.address),
            ("te", "trailers"),
            ("content-type", "application/grpc"),
        ]
        replaced = {key.replace("_", "-"): value for key, value in replaced.items()}
        headers = [
            (key, replaced.get(key.lstrip(":"), value))
            for key, value in headers
            if key not in without
        ]
        return headers + list(extra)

    def request(self, headers, body=b"", end=True):
        """Starts a stream; its id."""
        stream = self.h2.get_next_available_stream_id()
        self.streams[stream] = SimpleNamespace(
            headers=None, trailers=None, data=Body(), reset=None, is_over=False
        )
        self.h2.send_headers(stream, headers, end_stream=end and not body)
        self.flush()
        if body:
            self.send(stream, body, end)
        return stream

    def send(self, stream, body, end=False):
        """Data, in frames of the size that is taken."""
        size = self.h2.max_outbound_frame_size
        chunks = [body[start : start + size] for start in range(0, len(body), size)] or [b""]
        for chunk in chunks:
            self.receive_until(lambda: self.h2.local_flow_control_window(stream) >= len(chunk))
            if self.is_closed or self.streams[stream].is_over:
                return
            self.h2.send_data(stream, chunk, end_stream=end and chunk is chunks[-1])
            self.flush()

    # Receiving

    def receive_until(self, is_enough, timeout=20):
        """Reads until `is_enough`, or until the connection is closed."""
        end = time.monotonic() + timeout
        while not is_enough() and not self.is_closed:
            self.socket.settimeout(max(0.01, end - time.monotonic()))
            try:
                data = self.socket.recv(65536)
            except (ConnectionError, socket.timeout) as error:
                assert isinstance(error, ConnectionError), "no answer in time"
                data = b""
            if not data:
                self.is_closed = True
                return
            try:
                events = self.h2.receive_data(data)
            except h2.exceptions.ProtocolError:
                # After a fault of ours on purpose, the library may not agree with the server.
                self.is_closed = True
                return
            for event in events:
                self.note(event)
            self.flush()

    def note(self, event):
        if isinstance(event, h2.events.ConnectionTerminated):
            self.is_closed = True
            return
        stream = self.streams.get(getattr(event, "stream_id", None))
        if stream is None:
            return
        if isinstance(event, h2.events.ResponseReceived):
            stream.headers = dict(event.headers)
        elif isinstance(event, h2.events.TrailersReceived):
            stream.trailers = dict(event.headers)
        elif isinstance(event, h2.events.DataReceived):
            stream.data.add(event.data)
            if event.flow_controlled_length and self.gives_credit:
                self.h2.acknowledge_received_data(
                    event.flow_controlled_length, event.stream_id
                )
        elif isinstance(event, h2.events.StreamReset):
            stream.reset = int(event.error_code)
            stream.is_over = True
        elif isinstance(event, h2.events.StreamEnded):
            stream.is_over = True

    def wait_for_data(self, stream, count):
        """The stream's data, once there is so much of it or the stream is over."""
        state = self.streams[stream]
        self.receive_until(lambda: state.is_over or len(state.data) >= count)
        return state.data

    def messages(self, stream):
        """The complete gRPC messages that the stream has received."""
        return self.streams[stream].data.messages

    def end(self, stream):
        """How the stream ended: a gRPC status, an HTTP status, a reset, or with its connection."""
        state = self.streams[stream]
        self.receive_until(lambda: state.is_over)
        fields = {**(state.headers or {}), **(state.trailers or {})}
        status = fields.get("grpc-status")
        return SimpleNamespace(
            status=None if status is None else int(status),
            message=fields.get("grpc-message", ""),
            http=int(fields.get(":status", 0)),
            reset=state.reset,
            is_over=state.is_over,
            connection_closed=self.is_closed,
        )
