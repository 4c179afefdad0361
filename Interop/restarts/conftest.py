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

"""Network servers and reverse servers that are restarted under load, and what came of it."""

import signal
import time
from collections import Counter
from pathlib import Path

import pytest
from support.programs import LOGS, Program, free_port

KEY = "restarts"

# The RPCs that a network server has open at a time, of each kind a quarter.
CONCURRENCY = 8

# A graceful shutdown lets RPCs end that take a second, and the drain timeout is 30 s.
END_LIMIT = 45


def pytest_collection_modifyitems(config, items):
    seconds = config.getoption("--restart-seconds")
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(seconds + 150))


@pytest.fixture
def seconds(request):
    """How long servers are restarted."""
    return request.config.getoption("--restart-seconds")


@pytest.fixture
def fleet(request):
    fleet = Fleet(request.config.getoption("--swift-peer"))
    yield fleet
    fleet.kill()


class Server:
    """One place in the fleet, and the program that has it now."""

    def __init__(self, fleet, place):
        self.fleet = fleet
        self.place = place
        self.runs = 0
        self.program = None

    @property
    def name(self):
        return f"{self.place}{self.runs}"

    def start(self):
        self.runs += 1
        records = self.fleet.records_of(self.role, self.name)
        self.program = Program(
            f"restart-{self.name}",
            [
                *(self.fleet.executable, self.role, "--key", KEY),
                *("--name", self.name, "--records", records, *self.arguments()),
            ],
        )

    def stop(self):
        """Asks the program to end, which it must do in good order."""
        self.program.process.send_signal(signal.SIGTERM)
        code = self.program.wait(END_LIMIT)
        assert code == 0, f"{self.name} ended with {code}:\n{self.program.tail()}"
        self.program.stop()

    def restart(self):
        self.stop()
        self.start()

    def kill_and_start(self):
        self.program.kill()
        self.start()


class NetworkServer(Server):
    role = "restart-network-server"

    def __init__(self, fleet, place):
        super().__init__(fleet, place)
        self.port = free_port()

    def arguments(self):
        return ["--port", self.port, "--concurrency", CONCURRENCY]

    def wait_until_calling(self):
        self.program.wait_for_output(r"(?m)^calling$")


class ReverseServer(Server):
    role = "restart-reverse-server"

    def arguments(self):
        for network_server in self.fleet.network_servers:
            yield from ("--target", f"127.0.0.1:{network_server.port}")


class Fleet:
    """Two network servers, which call, and two reverse servers, which each dial both of them."""

    def __init__(self, executable):
        self.executable = executable
        self.folder = LOGS / f"restarts-{time.time_ns()}"
        self.folder.mkdir(parents=True)
        self.network_servers = [NetworkServer(self, "north"), NetworkServer(self, "south")]
        self.reverse_servers = [ReverseServer(self, "east"), ReverseServer(self, "west")]

    def records_of(self, role, name):
        return self.folder / f"{name}.{role}"

    @property
    def concurrency(self):
        """The RPCs that are open at a time."""
        return CONCURRENCY * len(self.network_servers)

    def start(self):
        for server in (*self.network_servers, *self.reverse_servers):
            server.start()
        self.wait_until_whole()

    def wait_until_whole(self):
        """Every reverse server has a tunnel to every network server, and these call."""
        for network_server in self.network_servers:
            for reverse_server in self.reverse_servers:
                network_server.program.wait_for_output(rf"(?m)^opened {reverse_server.name}$")
            network_server.wait_until_calling()

    def stop(self):
        for server in (*self.network_servers, *self.reverse_servers):
            server.stop()

    def kill(self):
        for server in (*self.network_servers, *self.reverse_servers):
            if server.program is not None:
                server.program.kill()

    def outcome(self):
        return Outcome(
            calls=self.lines("*.restart-network-server"),
            executed=self.lines("*.restart-reverse-server"),
        )

    def lines(self, pattern):
        return [
            line for path in self.folder.glob(pattern) for line in path.read_text().splitlines()
        ]


class Outcome:
    """What the records of all programs come to."""

    def __init__(self, calls, executed):
        self.calls = [line.split(" ") for line in calls]
        executions = Counter(executed)
        self.failures = Counter(code for _, _, code, _ in self.calls if code != "OK")
        self.executed_twice = [call for call, count in executions.items() if count > 1]
        self.never_executed = [
            call for call, _, code, _ in self.calls if code == "OK" and call not in executions
        ]
        # None of these may be: who calls notes every RPC before it ends.
        self.unknown = executions.keys() - {call for call, *_ in self.calls}
        self.kinds = Counter(kind for _, kind, _, _ in self.calls)
        self.longest = max((int(milliseconds) for *_, milliseconds in self.calls), default=0)

    def __str__(self):
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.kinds.items()))
        failures = ", ".join(f"{count} {code}" for code, count in sorted(self.failures.items()))
        return (
            f"{len(self.calls)} RPCs ({kinds}); failures: {failures or 'none'}; "
            f"longest RPC {self.longest} ms; executed twice: {len(self.executed_twice)}; "
            f"OK but never executed: {len(self.never_executed)}"
        )
