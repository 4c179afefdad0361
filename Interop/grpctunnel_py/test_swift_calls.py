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

"""The Swift peer calls, grpctunnel-py serves: over a forward tunnel (role 3) and a reverse one (2).

The checks are the Swift program's (SwiftPeer/Checks.swift); here each is one test. A check named
deviation is about a fault of grpctunnel-py 0.3.0 and shows that we survive it.
"""

import re
import time

import pytest
from grpctunnel_py.conftest import reverse_server
from grpctunnel_py.peer import Call
from interop_pb2 import Request

KINDS = ["unary", "client-streaming", "server-streaming", "bidirectional"]
SIZES = [1, 16_384, 16_385, 65_536, 65_537, 100_000, 1 << 20]
CHECKS = {
    "standard": [
        *(f"{kind}-{size}" for size in SIZES for kind in KINDS),
        "bidirectional-turn-by-turn",
        "empty-requests-arrive",
        "an-empty-unary-request-arrives",
        "many-calls-at-once",
        "many-messages-in-order",
        "a-reply-that-nobody-reads-stops-no-other",
        "request-metadata",
        *(f"response-metadata-{kind}" for kind in KINDS),
        "bytes-that-the-peer-cannot-take-fail-one-call",
        *(f"status-code-{code}" for code in range(1, 17)),
        *(f"a-failure-with-trailers-{kind}" for kind in KINDS),
        "an-unknown-method-is-unimplemented",
        "a-deadline-fires",
        "a-cancelled-call-ends",
        "deviation-an-empty-reply-is-never-sent",
        "deviation-binary-metadata-is-read-as-latin-1",
        "deviation-binary-metadata-is-sent-as-latin-1",
    ],
    "limit": [
        "a-reply-of-the-limit-arrives",
        "a-reply-above-the-limit-fails-alone",
        "a-streamed-reply-above-the-limit-fails-alone",
    ],
    "stopped": [
        "a-reply-above-the-limit-and-the-window-fails",
        "deviation-a-cancelled-reply-without-credit-stops-the-whole-tunnel",
        "a-call-in-a-stopped-tunnel-can-be-cancelled",
    ],
}

# The two roles: 3 and 2.
ROLES = pytest.mark.parametrize("role", ["forward", "reverse"])

# The first test of a run waits for all of it.
pytestmark = pytest.mark.timeout(120)


def results(report):
    """The result of each check, by its name."""
    lines = re.findall(r"^(pass|FAIL) ([a-z0-9-]+)(?:: (.*))?$", report.output, re.MULTILINE)
    return {name: (result, reason) for result, name, reason in lines}


@pytest.mark.parametrize(
    "checks, check", [(checks, check) for checks, names in CHECKS.items() for check in names]
)
@ROLES
def test_check(reports, role, checks, check):
    report = reports(role, checks)
    result, reason = results(report).get(check, ("missing", report.output[-2_000:]))
    assert result == "pass", reason


@pytest.mark.parametrize("checks", CHECKS)
@ROLES
def test_there_is_no_other_check_and_the_peer_ends_well(reports, role, checks):
    report = reports(role, checks)
    assert set(results(report)) == set(CHECKS[checks])
    assert report.code == 0


@ROLES
def test_the_python_server_saw_the_end_of_calls_by_deadline_and_cancel(reports, role):
    # It learns of both from the frame `cancel`: it looks at no deadline.
    service = reports(role, "standard").service
    end = time.monotonic() + 5
    while len(service.ends) < 2 and time.monotonic() < end:
        time.sleep(0.05)
    assert service.ends == {"deadline": True, "cancel": True}


def test_deviation_the_reverse_server_takes_a_good_end_for_an_error(reports):
    # Our server ended the carrier with OK; the peer mistakes the end for a frame.
    started, error = reports("reverse", "standard").served
    assert started
    assert isinstance(error, AttributeError) and "_EOF" in str(error)


def test_deviation_a_stopped_reverse_server_misses_the_end_of_its_tunnel(reports):
    # It serves for ever, though our server ended the carrier and then its whole connection.
    assert reports("reverse", "stopped").served is None


def test_deviation_a_reverse_tunnel_is_not_ended_by_the_python_server(swift, loop):
    # After our half-close; our network client cancels the carrier 5 s later.
    with reverse_server(loop) as (port, opened):
        with swift("reverse-server", "--target", f"127.0.0.1:{port}") as program:
            # Opened at our end too, which otherwise had nothing to end in good order.
            (reply,) = loop.run(Call(opened(), "Unary")(Request(payload=b"here")))
            assert reply.payload == b"here"
            started = time.monotonic()
            assert program.stop(timeout=20) == 0, program.tail()
            # The lower bound is the deviation: without it the end comes at once.
            assert 4 < time.monotonic() - started < 10
            assert "ended" in program.output()
