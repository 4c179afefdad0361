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

"""Nonsense in flags, variables and files: refused, with words that name what is wrong."""

import os
import subprocess

import pytest

# Of a program that has refused its configuration, or its command line. A crash has another.
REFUSALS = (1, 64)
GOOD = {
    "router": {"tunnel-address": "127.0.0.1:1", "address": "127.0.0.1:2"},
    "agent": {"router": "127.0.0.1:1", "key": "k", "upstream": "127.0.0.1:2"},
}
ADDRESSES = [
    "", " ", ":", ":1", "x", "x:", "x:x", "x:-1", "x:65536", "x:1:2", "[::1", "[::1]", "[::1]:x", "x:1 ",
    "http://x:1", "x:0x10", "x:+1", "\u00e9\n:1x",
]
SIZES = ["", "x", "-1", "4 MiB", "4MB", "1.5", "99999999999999999999", "1e3", "2GiB", "0x10", "NaN", "\u0665"]
DURATIONS = ["", "x", "-1s", "10", "1s1s", "1e3s", "99999999999h", "NaNs", "infs", "1 s", "10000000000000h"]
LEVELS = ["", "x", "INFO", "info ", "info,debug", "0"]
KEYS = ["", " ", "a b", "\u00e9", "a\nb", "a\tb"]
VALUES = {
    ("router", "tunnel-address"): ADDRESSES,
    ("router", "address"): ADDRESSES,
    ("agent", "router"): [*ADDRESSES, "x:0"],
    ("agent", "upstream"): [*ADDRESSES, "x:0"],
    ("agent", "key"): KEYS,
} | {
    (program, setting): values
    for program in GOOD
    for setting, values in {
        "max-message-size": SIZES, "drain-timeout": DURATIONS, "log-level": LEVELS,
    }.items()
}
CASES = [(*place, value) for place, values in VALUES.items() for value in values]


@pytest.fixture(scope="session")
def executable(request):
    if request.config.getoption("--direct") or request.config.getoption("--python-only"):
        pytest.skip("needs the Swift programs")
    return request.config.getoption("--grpc-tunnel")


def refuses(executable, *arguments, variables=None):
    """What the program says when it ends at once, as it must."""
    run = subprocess.run(
        [executable, *arguments],
        env={**os.environ, **(variables or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=30,
    )
    output = (run.stdout + run.stderr).decode(errors="replace")
    assert run.returncode in REFUSALS, (run.returncode, output)
    return output


def flags(program, **changed):
    settings = {**GOOD[program], **{key.replace("_", "-"): text for key, text in changed.items()}}
    return [part for name, text in settings.items() for part in (f"--{name}", text)]


@pytest.mark.parametrize(("program", "setting", "value"), CASES)
def test_a_flag(executable, program, setting, value):
    output = refuses(executable, program, *flags(program, **{setting: value}))
    assert f"--{setting}" in output


@pytest.mark.parametrize(("program", "setting"), VALUES)
def test_a_variable(executable, program, setting):
    settings = {name: text for name, text in GOOD[program].items() if name != setting}
    arguments = [part for name, text in settings.items() for part in (f"--{name}", text)]
    variable = "GRPC_TUNNEL_" + setting.upper().replace("-", "_")
    value = "x:x" if setting not in ("key",) else "a b"
    assert variable in refuses(executable, program, *arguments, variables={variable: value})


FILES = {
    "text": b"hello",
    "a list": b"- a\n- b\n",
    "what is not UTF-8": b"key: \xff\xfe\n",
    "zeros": b"\0" * 100,
    "what is not YAML": b"key: [a, b\n",
    "a tag": b"key: !!python/object:os.system x\n",
    "an unknown setting": b"colour: red\n",
    "a list where there is one value": b"drain-timeout: [1s, 2s]\n",
    "a mapping where there is a value": b"drain-timeout: {a: b}\n",
    "a setting twice": b"drain-timeout: 1s\ndrain-timeout: 2s\n",
    "nonsense": b"drain-timeout: soon\n",
    "another file": b"config: other.yaml\n",
    "aliases without end": b"a: &a [x, x, x]\n" + b"".join(
        b"%c: &%c [*%c, *%c, *%c]\n" % (98 + i, 98 + i, 97 + i, 97 + i, 97 + i) for i in range(20)
    ),
    "brackets without end": b"[" * 100_000,
}


@pytest.mark.parametrize("name", FILES)
def test_a_file(executable, tmp_path, name):
    path = tmp_path / "settings.yaml"
    path.write_bytes(FILES[name])
    assert str(path) in refuses(executable, "router", *flags("router"), "--config", str(path))


@pytest.mark.parametrize("path", ["/no/such/file", "/", "", "\u00e9"])
def test_a_file_that_cannot_be_read(executable, path):
    output = refuses(executable, "router", *flags("router"), "--config", path)
    assert path in output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["router", "--colour", "red"], "--colour"),
        (["router", "-x"], "-x"),
        (["router", "--"], "--"),
        (["router", "stray"], "stray"),
        (["agent", "--key"], "--key has no value"),
        (["agent", "--key", "a", "--key", "b"], "--key is given twice"),
        (["demo", "--colour"], "--colour"),
        (["sideways"], "sideways"),
        (["check-config", "router", "--colour=red"], "--colour"),
        (["check-config", "sideways"], "sideways"),
        (["router", "--\u00ff"], "--\u00ff"),
        (["router", "--tunnel-address=127.0.0.1:1", "--address"], "--address has no value"),
    ],
)
def test_arguments(executable, arguments, words):
    assert words in refuses(executable, *arguments)


def test_an_argument_of_100_kilobytes_is_refused(executable):
    refuses(executable, "agent", *flags("agent", key="k" * 100_000 + "\n"))
