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

"""Two routers with two agents each, callers of both, and the misfortunes that befall them."""

import sys
import time
from dataclasses import dataclass
from pathlib import Path

from soak.processes import Usage
from soak.relay import Relays
from support.programs import LOGS, Program, free_address
from support.routes import Route

KEY = "shop"
HERE = Path(__file__).resolve().parent


class Router:
    def __init__(self, fleet, name):
        self.fleet = fleet
        self.name = name
        self.tunnel_address, self.address = free_address(), free_address()
        self.relay = fleet.relays.relay(self.address)
        self.program = None

    def start(self):
        self.program = Program(
            f"soak-router-{self.name}",
            [
                *(self.fleet.executable, "router", "--tunnel-address", self.tunnel_address),
                *("--address", self.address),
            ],
        )

    def wait_until_ready(self):
        """A call through it is answered."""
        route = Route(self.address, KEY)
        try:
            route.wait_until_ready(60)
        finally:
            route.close()


class Agent:
    def __init__(self, fleet, router, name):
        self.fleet = fleet
        self.router = router
        self.name = name
        self.relay = fleet.relays.relay(router.tunnel_address)
        self.program = None

    def start(self):
        self.program = Program(
            f"soak-agent-{self.name}",
            [
                *(self.fleet.executable, "agent", "--router", self.relay.address),
                *("--key", KEY, "--upstream", self.fleet.upstream_address),
            ],
        )

    def wait_until_open(self):
        """Its tunnel is open; to be asked of an agent that has just been started."""
        self.program.wait_for_output("tunnel opened", timeout=60)


class Fleet:
    def __init__(self, executable):
        self.executable = executable
        self.relays = Relays()
        self.upstream_address = free_address()
        # The first of each is left alive from the beginning to the end.
        self.routers = [Router(self, "north"), Router(self, "south")]
        self.agents = []
        for router in self.routers:
            for number in (1, 2):
                self.agents.append(Agent(self, router, f"{router.name}-{number}"))
        self.upstream = None
        self.callers = None
        self.records = LOGS / f"soak-{time.time_ns()}.jsonl"
        self.usage = Usage()

    def start(self, seconds, concurrency):
        self.upstream = Program(
            "soak-upstream", [sys.executable, HERE / "upstream.py", self.upstream_address]
        )
        self.upstream.wait_for_output("serving")
        for router in self.routers:
            router.start()
        for agent in self.agents:
            agent.start()
        for agent in self.agents:
            agent.wait_until_open()
        self.callers = Program(
            "soak-callers",
            [
                *(sys.executable, HERE / "callers.py", "--key", KEY, "--seconds", seconds),
                *("--concurrency", concurrency, "--records", self.records),
                *(f"--router={router.name}={router.relay.address}" for router in self.routers),
            ],
        )
        self.callers.wait_for_output("calling")

    @property
    def survivors(self):
        """What is never restarted: their use of memory and descriptors must not grow."""
        return {
            f"router {self.routers[0].name}": self.routers[0].program,
            f"agent {self.agents[0].name}": self.agents[0].program,
        }

    def stop(self):
        """Asks all programs to end, which they must do in good order."""
        codes = {
            thing.name: thing.program.stop(timeout=60) for thing in (*self.agents, *self.routers)
        }
        self.upstream.stop()
        return codes

    def kill(self):
        things = (*self.agents, *self.routers)
        for program in (self.upstream, self.callers, *(thing.program for thing in things)):
            if program is not None:
                program.kill()
        self.relays.stop()


@dataclass
class Fault:
    """Something that was done to the fleet, while it lasted."""

    name: str
    router: str
    start: float
    end: float
    # Whether RPCs may fail of it.
    is_harmless: bool = False
