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

"""Requests that every server must survive, whatever their method."""

import struct

import pytest
from support.http2 import message

# Under which the agent registers.
KEY = "shop-42"

# What a gRPC server may answer to a request that it does not like.
OK, CANCELLED, UNKNOWN, INVALID_ARGUMENT, DEADLINE_EXCEEDED = 0, 1, 2, 3, 4
RESOURCE_EXHAUSTED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE = 8, 12, 13, 14

TIMEOUTS_THAT_ARE_NONE = [
    "-5S", "-1n", "-0S", "+5S", "", "S", "5", "5s", " 5S", "5 S", "5.5S", "1e9S", "0x5S", "NaNS",
    "999999999S", "9223372036854775807S", "-9223372036854775808H", "99999999999999999999999999H",
    "5S,5S", "5SS",
]

MALFORMED_PATHS = ["", "/", "//", "no-slash", "/no-method", "/no-method/", "*", "/%00/%ff", "/ / "]


def parametrized_timeouts(function):
    return pytest.mark.parametrize("timeout", TIMEOUTS_THAT_ARE_NONE)(function)


def is_refusal(end):
    """The stream ended alone, and not well."""
    assert end.is_over, "the stream goes on, or its connection was closed"
    assert not end.connection_closed
    return end.reset is not None or end.http != 200 or end.status not in (None, OK)


# Bodies that are not a gRPC message, each with what may be said about it.
# A message that is cut is dropped by the HTTP/2 transport: the request ends without it.
CUT_BODIES = {"claims more than comes": message(b"x", length=100), "is cut in the prefix": b"\0\0\0"}

BAD_BODIES = {
    "claims 4 GiB": (message(b"", length=0xFFFFFFFF), {RESOURCE_EXHAUSTED}),
    "claims 2 GiB": (message(b"x", length=0x80000000), {RESOURCE_EXHAUSTED}),
    "is compressed by nobody knows what": (message(b"x", compressed=1), {INTERNAL, UNIMPLEMENTED}),
    "has the compression flag 7": (message(b"x", compressed=7), {INTERNAL, UNIMPLEMENTED}),
    "is text": (b"GET / HTTP/1.1\r\n\r\n", {INTERNAL, RESOURCE_EXHAUSTED, UNIMPLEMENTED}),
}


def frame(kind, flags, stream, payload=b""):
    """An HTTP/2 frame."""
    length = struct.pack(">I", len(payload))[1:]
    return length + struct.pack(">BBI", kind, flags, stream) + payload


DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH, PING, GOAWAY, UPDATE, CONTINUATION = range(10)

# What breaks an HTTP/2 connection, or does nothing; never more than that one.
FRAMES = {
    "garbage": b"\xff" * 1000,
    "text": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "a frame of 16 MiB": b"\xff\xff\xff" + frame(DATA, 0, 1)[3:],
    "an unknown frame": frame(99, 0xFF, 7, b"unknown"),
    "data of a stream that is idle": frame(DATA, 0, 99, b"x"),
    "data of stream 0": frame(DATA, 0, 0, b"x"),
    "headers of stream 0": frame(HEADERS, 4, 0, b"\x82"),
    "headers of an even stream": frame(HEADERS, 5, 2, b"\x82"),
    "headers that are not HPACK": frame(HEADERS, 5, 1, b"\xff" * 20),
    "padding longer than the frame": frame(DATA, 8, 1, b"\xff"),
    "a lone continuation": frame(CONTINUATION, 4, 1, b"\x82"),
    "an update of 0": frame(UPDATE, 0, 0, struct.pack(">I", 0)),
    "an update past the maximum": frame(UPDATE, 0, 0, struct.pack(">I", 0x7FFFFFFF)) * 2,
    "settings of a wrong size": frame(SETTINGS, 0, 0, b"\0" * 5),
    "a window of 4 GiB": frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 0xFFFFFFFF)),
    "frames of 0 bytes at most": frame(SETTINGS, 0, 0, struct.pack(">HI", 5, 0)),
    "a ping of a wrong size": frame(PING, 0, 0, b"x"),
    "100,000 pings": frame(PING, 0, 0, b"12345678") * 100_000,
    "100,000 settings": frame(SETTINGS, 0, 0) * 100_000,
    "100,000 resets of an idle stream": frame(RST_STREAM, 0, 1, b"\0\0\0\0") * 100_000,
    "a push": frame(PUSH, 4, 1, b"\0\0\0\2\x82"),
    "a goaway": frame(GOAWAY, 0, 0, b"\0" * 8),
    "a continuation without end": frame(HEADERS, 0, 1, b"\x82")
    + frame(CONTINUATION, 0, 1, b"\x40\x01x\x7f\x80\x7f" + b"y" * 255) * 10_000,
}
