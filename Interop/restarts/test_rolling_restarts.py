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

"""Servers are restarted under load: no RPC fails that need not, and none runs twice."""

import time


def restart_in_turn(fleet, servers, seconds, capsys, how):
    """Restarts one server at a time; returns how often, and what came of the RPCs."""
    fleet.start()
    count = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for server in servers:
            how(server)
            fleet.wait_until_whole()
            count += 1
    fleet.stop()
    outcome = fleet.outcome()
    with capsys.disabled():
        print(f"\n{count} restarts: {outcome}")
    assert not outcome.executed_twice
    assert not outcome.never_executed
    assert not outcome.unknown
    assert len(outcome.kinds) == 4
    return count, outcome


def test_reverse_servers_are_restarted(fleet, seconds, capsys):
    _, outcome = restart_in_turn(
        fleet, fleet.reverse_servers, seconds, capsys, lambda server: server.restart()
    )
    assert not outcome.failures


def test_network_servers_are_restarted(fleet, seconds, capsys):
    _, outcome = restart_in_turn(
        fleet, fleet.network_servers, seconds, capsys, lambda server: server.restart()
    )
    assert not outcome.failures


def test_reverse_servers_are_killed(fleet, seconds, capsys):
    """Only what they were at fails. It is not tried again: it may have been done."""
    count, outcome = restart_in_turn(
        fleet, fleet.reverse_servers, seconds, capsys, lambda server: server.kill_and_start()
    )
    assert outcome.failures.keys() <= {"unavailable"}
    assert outcome.failures.total() <= count * fleet.concurrency
