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

"""The command line of `grpc-tunnel`: what it says, and how it ends."""

import socket

import pytest
from support.programs import free_address

TRAP_WORDS = ("Fatal error", "Stack dump", "Program crashed", "Illegal instruction")


def ends(programs, *arguments, timeout=20):
    """Runs to the end; its exit code and output, which must not be that of a crash."""
    with programs.start("cli", *arguments) as program:
        code = program.wait(timeout)
        output = program.output()
    assert not [word for word in TRAP_WORDS if word in output], output
    assert code >= 0, f"ended by signal {-code}:\n{output}"
    return code, output


def fails(programs, *arguments):
    code, output = ends(programs, *arguments)
    assert code != 0, f"succeeded:\n{output}"
    return output


@pytest.fixture
def taken():
    """An address that somebody else listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), ("router", "agent", "check-config", "demo")),
        (("router",), ("--tunnel-address", "--address")),
        (("agent",), ("--router", "--key", "--upstream")),
        (("demo",), ("demo",)),
    ],
)
def test_help(programs, arguments, words):
    code, output = ends(programs, *arguments, "--help")
    assert code == 0
    for word in words:
        assert word in output


def test_an_unknown_command_is_named(programs):
    assert "sideways" in fails(programs, "sideways")


@pytest.mark.parametrize(
    "arguments",
    [
        ("router", "--tunnel-address", "127.0.0.1:1", "--address", "127.0.0.1:2"),
        ("agent", "--router", "127.0.0.1:1", "--key", "k", "--upstream", "127.0.0.1:2"),
        ("check-config", "router"),
        ("demo",),
    ],
)
def test_an_unknown_flag_is_named(programs, arguments):
    assert "--colour" in fails(programs, *arguments, "--colour")


@pytest.mark.parametrize(
    ("arguments", "missing"),
    [
        (("router", "--address", "127.0.0.1:1"), "--tunnel-address"),
        (("router", "--tunnel-address", "127.0.0.1:1"), "--address"),
        (("agent", "--key", "k", "--upstream", "127.0.0.1:1"), "--router"),
        (("agent", "--router", "127.0.0.1:1", "--upstream", "127.0.0.1:1"), "--key"),
        (("agent", "--router", "127.0.0.1:1", "--key", "k"), "--upstream"),
    ],
)
def test_a_missing_flag_is_named(programs, arguments, missing):
    assert missing in fails(programs, *arguments)


@pytest.mark.parametrize("address", ["nonsense", "127.0.0.1", "127.0.0.1:", "127.0.0.1:70000", ""])
def test_a_malformed_address_is_named(programs, address):
    good = free_address()
    router = ("router", "--tunnel-address")
    assert address in fails(programs, *router, address, "--address", good)
    assert address in fails(programs, *router, good, "--address", address)
    agent = ("agent", "--key", "k", "--router")
    assert address in fails(programs, *agent, address, "--upstream", good)
    assert address in fails(programs, *agent, good, "--upstream", address)


def test_an_empty_key_is_refused(programs):
    addresses = ("--router", "127.0.0.1:1", "--upstream", "127.0.0.1:1")
    assert "--key" in fails(programs, "agent", *addresses, "--key", "")


def test_a_tunnel_address_in_use_is_named(programs, taken):
    assert taken in fails(
        programs, "router", "--tunnel-address", taken, "--address", free_address()
    )


def test_an_address_in_use_is_named(programs, taken):
    assert taken in fails(
        programs, "router", "--tunnel-address", free_address(), "--address", taken
    )


def test_one_address_for_both_is_refused(programs):
    address = free_address()
    assert address in fails(
        programs, "router", "--tunnel-address", address, "--address", address
    )


def test_a_router_ends_when_asked_to(programs):
    program = programs.router(free_address(), free_address())
    program.wait_for_output("127.0.0.1:")
    assert program.stop() is not None, "the router had to be killed"


@pytest.fixture
def agent_file(tmp_path):
    path = tmp_path / "agent.yaml"
    path.write_text("# The shop's till.\nrouter: 127.0.0.1:1\nkey: shop-42\nupstream: 127.0.0.1:2\n")
    return str(path)


def test_a_configuration_is_printed_with_where_it_comes_from(programs, agent_file):
    arguments = ("check-config", "agent", "--config", agent_file, "--key", "shop-43")
    code, output = ends(programs, *arguments)
    assert code == 0, output
    assert "key: shop-43  # --key" in output
    assert f"router: ['127.0.0.1:1']  # {agent_file}" in output
    assert "max-message-size: 4MiB  # default" in output


def test_all_that_is_wrong_with_a_configuration_is_told(programs, agent_file):
    arguments = ("check-config", "agent", "--config", agent_file, "--drain-timeout", "soon")
    output = fails(programs, *arguments, "--upstream", "nowhere")
    assert "soon" in output and "nowhere" in output


def test_a_misspelled_line_of_a_file_is_named(programs, agent_file):
    with open(agent_file, "a") as file:
        file.write("drain-timeuot: 3s\n")
    output = fails(programs, "agent", "--config", agent_file)
    assert "line 5" in output and "drain-timeout" in output


def test_the_demo_ends_well(programs):
    code, output = ends(programs, "demo", timeout=60)
    assert code == 0, output
    assert output.strip()
