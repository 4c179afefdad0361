#!/usr/bin/env python3
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

"""Makes seeds for the fuzz targets from the recorded tunnels in Tests/Vectors.

Usage: Fuzzing/make-seeds.py DIRECTORY

Writes one folder for each target. The machines' seeds are sequences of choices, as
Tests/TunnelSimulation/Hostile asks for them: a change there makes seeds mean something else, but
never wrong ones.
"""

import hashlib
import json
import sys
from pathlib import Path

VECTORS = Path(__file__).resolve().parent.parent / "Tests" / "Vectors"

# The target reads the length of raw bytes from two bytes, and takes it modulo this.
MAXIMUM_RAW_LENGTH = 1023
MAXIMUM_CODEC_LENGTH = 2048

# Generous limits, in the order of Choices.configuration().
CONFIGURATION = bytes([0, 3, 1, 1, 3, 1, 0, 2, 2, 1, 2, 2, 1])
EXTENDED, NEGOTIATING, SILENT = 0, 2, 3
DOES_NOT_DIAL = bytes([1])
CONNECTED = bytes([1, 1])
NEWEST = 0


class ServerEvent:
    RAW, READ, HEADERS, WRITE, ANSWER, SEND = 7, 8, 9, 10, 11, 14


class ClientEvent:
    RAW, OPEN, READ, WRITE, HALF_CLOSE, CANCEL, SEND = 8, 9, 10, 11, 12, 13, 15


def raw(event: int, frame: bytes) -> bytes:
    return bytes([event]) + len(frame).to_bytes(2, "big") + frame


def negotiation(recording: dict) -> bytes:
    # No extensions: NEGOTIATING is followed by a choice for each of them.
    peer = bytes([NEGOTIATING, 1, 1, 1, 1, 1])
    if "grpctunnel-negotiate" not in recording["carrier_response_headers"]:
        peer = bytes([SILENT])
    return bytes([EXTENDED]) + peer


def server_seed(recording: dict) -> bytes | None:
    """The recorded client's frames, with a handler that reads, writes and answers."""
    seed = CONFIGURATION + negotiation(recording) + DOES_NOT_DIAL + CONNECTED
    for frame in recording["frames"]:
        if frame["from"] != "tunnel-client":
            continue
        data = bytes.fromhex(frame["hex"])
        if len(data) > MAXIMUM_RAW_LENGTH:
            return None
        seed += raw(ServerEvent.RAW, data)
        seed += bytes([ServerEvent.READ, NEWEST]) * 2
        seed += bytes([ServerEvent.WRITE, NEWEST, 5, 0])
        seed += bytes([ServerEvent.SEND, 0])
    return seed + bytes([ServerEvent.ANSWER, NEWEST, 0, 1, 0, 0, 1, ServerEvent.SEND, 0])


def client_seed(recording: dict) -> bytes | None:
    """The recorded server's frames, with a caller that does roughly as the recorded one."""
    seed = CONFIGURATION + bytes([0]) + negotiation(recording) + DOES_NOT_DIAL + CONNECTED
    for frame in recording["frames"]:
        data = bytes.fromhex(frame["hex"])
        if frame["from"] == "tunnel-server":
            if len(data) > MAXIMUM_RAW_LENGTH:
                return None
            seed += raw(ClientEvent.RAW, data)
            seed += bytes([ClientEvent.READ, NEWEST]) * 3
        elif b"vectors.Echo" in data:
            seed += bytes([ClientEvent.OPEN, 0, 0, 0, 0])
        else:
            seed += bytes([ClientEvent.WRITE, NEWEST, 5, 0, ClientEvent.HALF_CLOSE, NEWEST])
        seed += bytes([ClientEvent.SEND, 0])
    return seed


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    seeds: dict[str, set[bytes]] = {"codec": set(), "server": set(), "client": set()}
    for path in sorted(VECTORS.glob("*.json")):
        recording = json.loads(path.read_text())
        for frame in recording["frames"]:
            data = bytes.fromhex(frame["hex"])
            if len(data) <= MAXIMUM_CODEC_LENGTH:
                seeds["codec"].add(data)
        for target, seed in (
            ("server", server_seed(recording)),
            ("client", client_seed(recording)),
        ):
            if seed is not None:
                seeds[target].add(seed)
    for target, contents in seeds.items():
        directory = Path(sys.argv[1]) / target
        directory.mkdir(parents=True, exist_ok=True)
        for content in contents:
            (directory / hashlib.sha1(content).hexdigest()).write_bytes(content)
        print(f"{target}: {len(contents)} seeds, {sum(map(len, contents))} bytes")


if __name__ == "__main__":
    main()
