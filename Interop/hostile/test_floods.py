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

"""Clients that send far too much, take far too little, or both; and what servers keep of it."""

import time
from pathlib import Path

import h2.settings
import pytest
from grpctunnel.proto.v1 import tunnel_pb2
from hostile.carriers import NEGOTIATE, Carrier, expect_good_call, new_stream, request_message
from hostile.malformed import (
    DATA,
    DEADLINE_EXCEEDED,
    KEY,
    OK,
    RESOURCE_EXHAUSTED,
    UNAVAILABLE,
    frame,
)
from interop_pb2 import Request
from support.http2 import Connection, message

FRAME = tunnel_pb2.ServerToClient
UNARY = "/interop.Interop/Unary"


def resident_megabytes(program):
    """The memory that a process has resident now; 0 where the system does not tell."""
    status = Path(f"/proc/{program.process.pid}/status")
    if not status.exists():
        return 0
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) // 1024


def expect_others_to_be_served(server):
    with Connection(server.address) as connection:
        expect_good_call(connection)


def open_tunnel(connection):
    carrier = Carrier(connection, "OpenTunnel", NEGOTIATE)
    assert carrier.wait_for(FRAME, lambda frame: frame.HasField("settings"))
    return carrier


def read_closes(carrier, count):
    """Reads until so many streams of a tunnel are closed; their status codes."""
    closes = {}
    seen = 0

    def are_there():
        nonlocal seen
        frames = carrier.connection.messages(carrier.stream)
        for data in frames[seen:]:
            frame = FRAME.FromString(data)
            if frame.HasField("close_stream"):
                assert frame.stream_id not in closes
                closes[frame.stream_id] = frame.close_stream.status.code
        seen = len(frames)
        return len(closes) >= count

    carrier.connection.receive_until(are_there, timeout=80)
    assert len(closes) == count
    return closes


def test_200_000_empty_messages_that_nobody_reads(opener, tunnel_server):
    carrier = open_tunnel(opener)
    before = resident_megabytes(tunnel_server.program)
    carrier.send(new_stream(1, "Chat"))
    carrier.send(request_message(1, Request(wait_for_end="empty messages")))
    empty = tunnel_pb2.ClientToServer(stream_id=1)
    empty.request_message.SetInParent()
    batch = message(empty.SerializeToString()) * 10_000
    for _ in range(20):
        opener.send(carrier.stream, batch)
    close = carrier.wait_for(FRAME, lambda frame: frame.HasField("close_stream"))
    assert close.close_stream.status.code == RESOURCE_EXHAUSTED
    assert "16384" in close.close_stream.status.message
    # Whatever came later was not kept either: the tunnel has seen all of it.
    carrier.half_close()
    assert carrier.end().status == OK
    assert resident_megabytes(tunnel_server.program) - before < 100


def test_100_000_new_streams_that_are_never_finished(opener, tunnel_server):
    carrier = open_tunnel(opener)
    before = resident_megabytes(tunnel_server.program)
    count = 100_000
    for first in range(1, count + 1, 1000):
        streams = (new_stream(id, "Upload") for id in range(first, first + 1000))
        opener.send(carrier.stream, b"".join(message(f.SerializeToString()) for f in streams))
    closes = read_closes(carrier, count - 1000)
    assert set(closes.values()) == {UNAVAILABLE}
    assert min(closes) == 1001
    expect_others_to_be_served(tunnel_server)
    assert resident_megabytes(tunnel_server.program) - before < 200


def test_a_client_that_reads_nothing(opener, tunnel_server):
    """Handlers wait, each with little; they end at their deadlines."""
    carrier = open_tunnel(opener)
    before = resident_megabytes(tunnel_server.program)
    for id in range(1, 301):
        start = new_stream(id, "Download", window=1 << 30)
        start.new_stream.request_headers.md["grpc-timeout"].val.append("3S")
        carrier.send(start)
        carrier.send(request_message(id, Request(reply_size=60_000, reply_count=10_000)))
    expect_others_to_be_served(tunnel_server)
    assert resident_megabytes(tunnel_server.program) - before < 200
    time.sleep(4)
    # All deadlines have passed: what is read now ends with one status for each.
    assert set(read_closes(carrier, 300).values()) == {DEADLINE_EXCEEDED}


def test_a_client_that_reads_one_byte_a_second(tunnel_server):
    with Connection(tunnel_server.address) as connection:
        connection.gives_credit = False
        connection.h2.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 0})
        connection.flush()
        carrier = Carrier(connection, "OpenTunnel", NEGOTIATE)
        carrier.send(new_stream(1, "Download", window=1 << 30))
        carrier.send(request_message(1, Request(reply_size=60_000, reply_count=10_000)))
        state = connection.streams[carrier.stream]
        before = resident_megabytes(tunnel_server.program)
        for count in range(1, 6):
            connection.h2.increment_flow_control_window(1, carrier.stream)
            connection.flush()
            connection.receive_until(lambda: len(state.data) == count)
            expect_others_to_be_served(tunnel_server)
            time.sleep(1)
        assert resident_megabytes(tunnel_server.program) - before < 50
    expect_others_to_be_served(tunnel_server)


def test_a_client_that_sends_one_byte_a_second(tunnel_server):
    with Connection(tunnel_server.address) as connection:
        carrier = open_tunnel(connection)
        for byte in message(new_stream(1, "Upload").SerializeToString())[:5]:
            connection.send(carrier.stream, bytes([byte]))
            expect_others_to_be_served(tunnel_server)
            time.sleep(1)
    expect_others_to_be_served(tunnel_server)


def test_empty_data_without_end(opener):
    carrier = open_tunnel(opener)
    opener.send_raw(frame(DATA, 0, carrier.stream) * 100_000)
    # Whether the connection lives on is HTTP/2's to say.
    opener.receive_until(lambda: True)


def test_a_thousand_tunnels_at_once(tunnel_server):
    """More than a connection may have: the others wait for HTTP/2, or are refused by it."""
    with Connection(tunnel_server.address) as connection:
        for _ in range(1000):
            if connection.is_closed:
                break
            Carrier(connection, "OpenTunnel", NEGOTIATE)
        expect_others_to_be_served(tunnel_server)
    expect_others_to_be_served(tunnel_server)


@pytest.mark.parametrize("count", [20_000])
def test_streams_that_are_reset_at_once(router, route, count):
    for address, path in (
        (router.address, UNARY),
        (router.tunnel_address, "/grpctunnel.v1.TunnelService/OpenReverseTunnel"),
    ):
        with Connection(address) as connection:
            headers = connection.headers(path, [("tunnel-key", KEY)])
            for _ in range(count):
                if connection.is_closed:
                    break
                stream = connection.h2.get_next_available_stream_id()
                connection.h2.send_headers(stream, headers)
                connection.h2.reset_stream(stream)
                connection.flush()
        route.probe()
    assert router.program.is_running


def test_a_router_keeps_little_of_all_that(router, agent, tunnel_server):
    """Runs last: what is left once all hostile clients have gone."""
    for program in (router.program, agent, tunnel_server.program):
        assert resident_megabytes(program) < 500
