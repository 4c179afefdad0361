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

"""Programs under test: started with a log, waited for with a limit, always stopped."""

import os
import re
import socket
import subprocess
import time
from pathlib import Path

LOGS = Path(__file__).resolve().parent.parent.parent / ".build" / "interop-logs"

# The programs that run now; conftest.py shows their logs when a check fails.
running = []


def free_port():
    """A port of the loopback interface that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def free_address():
    return f"127.0.0.1:{free_port()}"


def eventually(attempt, timeout=30.0, interval=0.1):
    """Calls `attempt` until it no longer raises, and returns its result. Bounded by `timeout`."""
    end = time.monotonic() + timeout
    while True:
        try:
            return attempt()
        except Exception:
            if time.monotonic() >= end:
                raise
        time.sleep(interval)


class Program:
    """A child process whose output goes to a file of its own."""

    def __init__(self, name, arguments, environment=None):
        if not Path(arguments[0]).is_file():
            raise FileNotFoundError(f"{arguments[0]} does not exist: run `swift build` first")
        LOGS.mkdir(parents=True, exist_ok=True)
        self.name = name
        self.arguments = [str(argument) for argument in arguments]
        self.log = LOGS / f"{name}-{time.time_ns()}.log"
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                self.arguments,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
            )
        running.append(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def is_running(self):
        return self.process.poll() is None

    def output(self):
        return self.log.read_text(errors="replace")

    def tail(self, lines=30):
        return "\n".join(self.output().splitlines()[-lines:])

    def wait(self, timeout=30.0):
        """The exit code, once the program has ended by itself."""
        return self.process.wait(timeout)

    def wait_for_output(self, pattern, timeout=30.0):
        """The first match of `pattern` in the output; fails when the program ends without it."""
        end = time.monotonic() + timeout
        while True:
            alive = self.is_running
            match = re.search(pattern, self.output())
            if match:
                return match
            if not alive:
                code = self.process.returncode
                raise AssertionError(f"{self.name} ended with {code}:\n{self.tail()}")
            if time.monotonic() >= end:
                raise AssertionError(f"{self.name} did not print {pattern!r}:\n{self.tail()}")
            time.sleep(0.05)

    def stop(self, timeout=10.0):
        """Asks the program to end and returns its exit code, or None when it had to be killed."""
        if self in running:
            running.remove(self)
        if self.is_running:
            self.process.terminate()
            try:
                return self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                return None
        return self.process.returncode

    def kill(self):
        """Ends the program at once, for when how it ends is of no interest."""
        if self in running:
            running.remove(self)
        self.process.kill()
        self.process.wait()


def expect_good_end(program):
    """The program lives, and ends with 0 when it is asked to."""
    assert program.is_running, f"{program.name} ended:\n{program.tail()}"
    assert program.stop(timeout=40) == 0, program.tail()
