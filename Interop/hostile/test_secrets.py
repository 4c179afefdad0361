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

"""Tokens, metadata values and payloads are in no log, not even at the level trace."""

import base64
import subprocess

import grpc
import pytest
from interop_pb2 import Failure, Request
from support.programs import eventually, expect_good_end, free_address
from support.routes import Programs, Route
from support.service import entries

KEY = "secret-shop"

# Of each, what may stand in a log: nothing, in whatever form.
TEXTS = {
    name: f"open-sesame-{name}"
    for name in (
        "request", "request-bytes", "response", "response-bytes", "trailer", "trailer-bytes", "payload",
        "reason", "key", "wrong-agent", "wrong-caller",
    )
}


def forms(text):
    encoded = text.encode()
    yield text
    yield encoded.hex()
    for offset in range(3):
        # Base64 within a longer value looks different at each offset.
        whole = base64.b64encode(b"\0" * offset + encoded).decode().rstrip("=")
        yield whole[4 if offset else 0 : -2]


@pytest.fixture(scope="module")
def tokens(request, tmp_path_factory):
    """The folder of files of tokens, and of the hashes that the router knows of them."""
    if request.config.getoption("--direct") or request.config.getoption("--python-only"):
        pytest.skip("needs the Swift programs")
    folder = tmp_path_factory.mktemp("tokens")
    executable = request.config.getoption("--grpc-tunnel")
    for file, name in (("agents", KEY), ("callers", "caller")):
        made = subprocess.run(
            [executable, "token", "new", name, "--file", folder / file], capture_output=True, check=True
        )
        (folder / f"{name}.token").write_bytes(made.stdout)
    (folder / "wrong.token").write_text("gtun_" + TEXTS["wrong-agent"])
    return folder


@pytest.fixture(scope="module")
def programs(request, tokens, upstream):
    """A router, an agent, and an agent that is not let in."""
    programs = Programs(request.config.getoption("--grpc-tunnel"))
    tunnel_address, address = free_address(), free_address()
    trace = ("--log-level", "trace")
    router = programs.start(
        "secret-router",
        *("router", "--tunnel-address", tunnel_address, "--address", address),
        *("--agent-tokens", tokens / "agents", "--caller-tokens", tokens / "callers", *trace),
    )
    agents = [
        programs.start(
            "secret-agent",
            *("agent", "--router", tunnel_address, "--key", key, "--upstream", upstream),
            *("--token-file", tokens / file, *trace),
        )
        for key, file in ((KEY, f"{KEY}.token"), (KEY, "wrong.token"), (TEXTS["key"], f"{KEY}.token"))
    ]
    yield router, agents, address
    for program in (*agents, router):
        expect_good_end(program)


def test_nothing_secret_is_logged(tokens, programs):
    router, agents, address = programs
    token = (tokens / "caller.token").read_text().strip()
    route = Route(address, KEY)
    allowed = (("authorization", f"Bearer {token}"),)

    def call(request, *metadata):
        return route.stub.Unary(request, metadata=route.metadata(*metadata), timeout=5)

    eventually(lambda: call(Request(payload=b"x"), *allowed))
    request = Request(
        payload=TEXTS["payload"].encode(),
        initial_metadata=entries(
            [("x", TEXTS["response"]), ("x-bin", TEXTS["response-bytes"].encode())]
        ),
        trailing_metadata=entries(
            [("y", TEXTS["trailer"]), ("y-bin", TEXTS["trailer-bytes"].encode())]
        ),
        report_call=True,
    )
    metadata = (("z", TEXTS["request"]), ("z-bin", TEXTS["request-bytes"].encode()))
    reply = call(request, *allowed, *metadata)
    # The values did travel.
    seen = {entry.key: entry.text or entry.binary for entry in reply.metadata}
    assert seen["z"] == TEXTS["request"]

    failing = Request(failure=Failure(code=9, message="no", reasons=[TEXTS["reason"]]))
    failing.trailing_metadata.extend(request.trailing_metadata)
    with pytest.raises(grpc.RpcError) as failure:
        call(failing, *allowed, *metadata)
    assert failure.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    for wrong in (f"Bearer gtun_{TEXTS['wrong-caller']}", TEXTS["wrong-caller"], ""):
        with pytest.raises(grpc.RpcError) as failure:
            call(request, ("authorization", wrong), *metadata)
        assert failure.value.code() == grpc.StatusCode.UNAUTHENTICATED
    route.close()

    # Those that are not let in have been told.
    for agent in agents[1:]:
        agent.wait_for_output("(?i)refused|denied|unauthenticated|not allowed|may not")
    secrets = [*TEXTS.values(), token, (tokens / f"{KEY}.token").read_text().strip()]
    for program in (router, *agents):
        output = program.output()
        for secret in secrets:
            # An agent may say its own key.
            if secret == TEXTS["key"] and program in agents:
                continue
            for form in forms(secret):
                assert form not in output, f"{program.name} logs {secret} as {form}"
