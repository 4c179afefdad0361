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

"""Routers, agents and callers under load, while agents are killed, routers restarted and networks fail.

How it is run for longer: dev/soak.sh.
"""

import random
import signal
import time

import pytest
from soak.fleet import Fault, Fleet
from soak.outcome import Outcome

# RPCs that are open at once, at each router.
CONCURRENCY = 6

# A pause after each fault, in which everything must recover.
PAUSE = 4


class Misfortunes:
    """What is done to a fleet. Each returns when it is over."""

    def __init__(self, fleet, seed):
        self.fleet = fleet
        self.random = random.Random(seed)
        self.faults = []

    # The first router and its first agent are never restarted.

    def some_agent(self, may_end):
        return self.random.choice(self.fleet.agents[1:] if may_end else self.fleet.agents)

    def during(self, name, router, body, is_harmless=False):
        start = time.monotonic()
        body()
        fault = Fault(name, router.name, start, time.monotonic(), is_harmless)
        self.faults.append(fault)

    def kill_an_agent(self):
        agent = self.some_agent(may_end=True)

        def kill():
            agent.program.kill()
            agent.start()
            agent.wait_until_open()

        self.during("agent killed and started", agent.router, kill)

    def restart_an_agent(self):
        """No RPC may fail: it drains, and what it has not begun goes through the other agent."""
        agent = self.some_agent(may_end=True)

        def restart():
            assert agent.program.stop(timeout=45) == 0, agent.program.tail()
            agent.start()
            agent.wait_until_open()

        self.during("agent restarted gracefully", agent.router, restart, is_harmless=True)

    def cut_an_agent(self):
        agent = self.some_agent(may_end=False)
        self.during("agent's connection cut", agent.router, agent.relay.cut)

    def cut_the_callers(self):
        router = self.random.choice(self.fleet.routers)
        self.during("callers' connection cut", router, router.relay.cut)

    def freeze_an_agent(self, seconds=3):
        agent = self.some_agent(may_end=False)
        self.freeze(f"agent frozen for {seconds} s", agent.router, agent.program, seconds)

    def freeze_a_router(self, seconds=3):
        router = self.random.choice(self.fleet.routers)
        self.freeze(f"router frozen for {seconds} s", router, router.program, seconds)

    def freeze(self, name, router, program, seconds):
        def freeze():
            program.process.send_signal(signal.SIGSTOP)
            time.sleep(seconds)
            program.process.send_signal(signal.SIGCONT)

        self.during(name, router, freeze)

    def freeze_an_agent_for_long(self):
        """Longer than the router looks for a sign of life."""
        self.freeze_an_agent(50)

    def silence_an_agent(self, seconds=5):
        agent = self.some_agent(may_end=False)

        def silence():
            agent.relay.set_forwarding(False)
            time.sleep(seconds)
            agent.relay.set_forwarding(True)

        self.during(f"agent's connection half-open for {seconds} s", agent.router, silence)

    def silence_an_agent_for_long(self):
        self.silence_an_agent(50)

    def restart_a_router(self):
        router = self.fleet.routers[1]

        def restart():
            assert router.program.stop(timeout=45) == 0, router.program.tail()
            router.start()
            router.wait_until_ready()

        self.during("router restarted gracefully", router, restart)

    def kill_a_router(self):
        router = self.fleet.routers[1]

        def kill():
            router.program.kill()
            router.start()
            router.wait_until_ready()

        self.during("router killed and started", router, kill)

    def go_on(self, seconds):
        """Does one thing after the other, all of them in turn."""
        end = time.monotonic() + seconds
        short = [
            self.kill_an_agent, self.cut_an_agent, self.restart_an_agent, self.silence_an_agent,
            self.kill_a_router, self.freeze_an_agent, self.cut_the_callers, self.restart_a_router,
            self.freeze_a_router,
        ]
        long = [self.silence_an_agent_for_long, self.freeze_an_agent_for_long]
        while True:
            for misfortune in short + (long if seconds > 240 else []):
                left = end - time.monotonic()
                if left < (75 if misfortune in long else 15):
                    time.sleep(max(0, left))
                    return
                misfortune()
                time.sleep(PAUSE)


@pytest.fixture
def fleet(request):
    fleet = Fleet(request.config.getoption("--grpc-tunnel"))
    yield fleet
    fleet.kill()


def test_all_is_explained(request, fleet, capsys):
    if request.config.getoption("--direct") or request.config.getoption("--python-only"):
        pytest.skip("needs the Swift programs")
    seconds = request.config.getoption("--soak-seconds")
    fleet.start(seconds, CONCURRENCY)
    fleet.usage.watch(fleet.survivors)
    misfortunes = Misfortunes(fleet, request.config.getoption("--soak-seed"))
    misfortunes.go_on(seconds - 5)
    # No RPC hangs: callers end by themselves.
    assert fleet.callers.wait(30) == 0, fleet.callers.tail()
    fleet.usage.stop()
    codes = fleet.stop()

    outcome = Outcome.read(fleet.records, misfortunes.faults)
    with capsys.disabled():
        print(f"\nsoak of {seconds} s")
        for line in (*outcome.report(), *fleet.usage.report()):
            print(f"  {line}")
        for record in outcome.unexplained + outcome.wrong + outcome.late:
            print(f"  {record}")
        print(f"  records: {fleet.records}")
    assert not outcome.wrong
    assert not outcome.late
    assert not outcome.unexplained
    assert set(codes.values()) == {0}, codes
    expect_no_growth(fleet.usage)


def expect_no_growth(usage):
    for name in usage.samples:
        for field, factor, more in (("megabytes", 1.15, 10), ("descriptors", 1, 10), ("threads", 1, 4)):
            middle, late = usage.thirds(name, field)
            assert late <= middle * factor + more, f"{name} grows in {field}: {middle} to {late}"
