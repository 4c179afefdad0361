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

"""Options of the interop tests, and the Python code for protos/interop.proto."""

import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent
GENERATED = REPOSITORY / ".build" / "interop-python"


def pytest_addoption(parser):
    binaries = REPOSITORY / ".build" / "debug"
    parser.addoption(
        "--grpc-tunnel",
        default=os.environ.get("GRPC_TUNNEL", str(binaries / "grpc-tunnel")),
        help="the grpc-tunnel executable (or $GRPC_TUNNEL)",
    )
    parser.addoption(
        "--swift-peer",
        default=os.environ.get("INTEROP_PEER", str(binaries / "interop-peer")),
        help="the interop-peer executable (or $INTEROP_PEER)",
    )
    parser.addoption(
        "--direct",
        action="store_true",
        help="router tests: call the Python server without a router, to check the checks",
    )
    parser.addoption(
        "--python-only",
        action="store_true",
        help="grpctunnel-py tests: a Python peer instead of the Swift one, to check the checks",
    )
    parser.addoption(
        "--restart-seconds",
        type=int,
        default=20,
        help="restart tests: how long servers are restarted, for each test",
    )
    parser.addoption(
        "--soak-seconds",
        type=int,
        default=60,
        help="soak test: how long callers call; above 240, faults that last longer come too",
    )
    parser.addoption(
        "--soak-seed",
        default="soak",
        help="soak test: chooses which agents and routers faults befall",
    )


def generate_code():
    from grpc_tools import protoc

    GENERATED.mkdir(parents=True, exist_ok=True)
    arguments = [
        "protoc",
        f"--proto_path={HERE / 'protos'}",
        f"--python_out={GENERATED}",
        f"--grpc_python_out={GENERATED}",
        "interop.proto",
    ]
    if protoc.main(arguments) != 0:
        raise pytest.UsageError("protoc failed on protos/interop.proto")


generate_code()
sys.path.insert(0, str(GENERATED))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Shows what the programs under test have printed when a check fails."""
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        from support import programs

        for program in programs.running:
            report.sections.append((f"{program.name}: end of {program.log}", program.tail()))
