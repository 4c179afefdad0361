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

"""An HTTP/2 server made by hand: answers what no gRPC library would."""

import socket
import threading

import h2.config
import h2.connection
import h2.events
import h2.exceptions
from support.http2 import Body

GRPC_HEADERS = [(":status", "200"), ("content-type", "application/grpc")]


class Peer:
    """One connection of a client."""

    def __init__(self, server, connection):
        self.server = server
        self.socket = connection
        self.data = {}
        self.h2 = h2.connection.H2Connection(
            h2.config.H2Configuration(
                client_side=False,
                validate_outbound_headers=False,
                normalize_outbound_headers=False,
                validate_inbound_headers=False,
                header_encoding="utf-8",
            )
        )

    def run(self):
        """Serves until the connection is closed, by whichever side."""
        try:
            self.h2.initiate_connection()
            self.flush()
            while data := self.socket.recv(65536):
                for event in self.h2.receive_data(data):
                    self.note(event)
                self.flush()
        except (OSError, h2.exceptions.H2Error):
            # After faults on purpose, anything may be refused.
            pass
        finally:
            self.socket.close()

    def note(self, event):
        if isinstance(event, h2.events.RequestReceived):
            self.data[event.stream_id] = Body()
            self.server.behaviour(self, event.stream_id, dict(event.headers))
        elif isinstance(event, h2.events.DataReceived):
            self.data[event.stream_id].add(event.data)
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            self.server.on_data(self, event.stream_id)

    def messages(self, stream):
        """The complete gRPC messages that the stream has received."""
        return self.data[stream].messages

    # Answering

    def flush(self):
        self.send_raw(self.h2.data_to_send())

    def send_raw(self, data):
        """Bytes that need not be frames."""
        self.socket.sendall(data)

    def headers(self, stream, headers=GRPC_HEADERS, end=False):
        self.h2.send_headers(stream, headers, end_stream=end)
        self.flush()

    def send(self, stream, data, end=False):
        self.h2.send_data(stream, data, end_stream=end)
        self.flush()

    def trailers(self, stream, *trailers):
        self.h2.send_headers(stream, trailers, end_stream=True)
        self.flush()

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)


class Server:
    """Answers each request with `behaviour(peer, stream, headers)`, which tests change."""

    def __init__(self, behaviour=None, on_data=lambda peer, stream: None):
        self.behaviour = behaviour
        self.on_data = on_data
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=Peer(self, connection).run, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()
