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

"""The admin page of a real router in a browser, and the same tunnels in the terminal."""

import json
import re
from pathlib import Path
from types import SimpleNamespace
from urllib.request import urlopen

import pytest
from playwright.sync_api import expect
from support.programs import free_address
from support.routes import Programs, Route
from support.service import Interop, start_server


DASHBOARD = Path(__file__).resolve().parents[2] / "docs" / "grafana-dashboard.json"


@pytest.fixture(scope="module")
def programs(request):
    return Programs(request.config.getoption("--grpc-tunnel"))


@pytest.fixture(scope="module")
def place(programs):
    """A router with an admin address, and a server behind an agent that has one, too."""
    upstream, tunnel_address, address = free_address(), free_address(), free_address()
    admin, agent_admin = free_address(), free_address()
    server = start_server(upstream, Interop())
    router = programs.start(
        "router", "router", "--tunnel-address", tunnel_address, "--address", address, "--admin", admin
    )
    agent = programs.start(
        "agent", "agent", "--router", tunnel_address, "--key", "shop-42", "--upstream", upstream,
        "--admin", agent_admin,
    )
    with router, agent:
        route = Route(address, "shop-42")
        route.wait_until_ready()
        yield SimpleNamespace(
            route=route,
            admin=admin,
            agent_admin=agent_admin,
            tunnel_address=tunnel_address,
            upstream=upstream,
            url=f"http://{admin}/",
        )
        route.close()
        assert router.is_running and agent.is_running
    server.stop(None).wait()


@pytest.fixture
def run(programs):
    """Runs `grpc-tunnel` to its end."""

    def run(*arguments, code=0):
        with programs.start("cli", *arguments) as program:
            assert program.wait(20) == code, program.output()
            return program.output()

    return run


def rows(page):
    return page.locator("#list-open tbody tr")


def test_page_shows_a_tunnel_and_its_traffic(place, open_page):
    page = open_page(place.url)
    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_contain_text("shop-42")
    page.get_by_role("button", name="shop-42").click()
    detail = page.locator("#detail")
    expect(detail).to_contain_text("revision 1")
    before = detail.locator("dt:text-is('Received') + dd").inner_text()
    place.route.probe()
    expect(detail.locator("dt:text-is('Received') + dd")).not_to_have_text(before)
    expect(detail).to_contain_text("OK")


def test_page_updates_filters_and_closes(programs, place, open_page):
    page = open_page(place.url)
    expect(rows(page)).to_have_count(1)
    with programs.agent(place.tunnel_address, "till-7", place.upstream):
        expect(rows(page)).to_have_count(2)
        page.get_by_label("Filter by key").fill("till")
        expect(rows(page)).to_have_count(1)
        page.get_by_role("button", name="till-7").click()
        page.get_by_role("button", name="Close…").click()
        page.get_by_role("dialog").get_by_label("Reason").fill("a test")
        page.get_by_role("button", name="Close the tunnel").click()
        page.get_by_role("tab", name="Closed").click()
        closed = page.locator("#list-closed tbody tr")
        expect(closed.filter(has_text="closed by the operator: a test")).to_have_count(1)
        # The agent comes back by itself.
        page.get_by_role("tab", name="Open").click()
        expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_have_count(0)


def test_page_of_an_agent_shows_its_routers(place, open_page):
    page = open_page(f"http://{place.agent_admin}/")
    expect(page.locator("h1")).to_have_text("grpc-tunnel agent")
    expect(rows(page)).to_contain_text("shop-42")
    page.get_by_role("button", name="shop-42").click()
    expect(page.locator("#detail")).to_contain_text(place.tunnel_address)
    expect(page.get_by_role("button", name="Close…")).to_have_count(0)


def test_probes_and_metrics(place):
    for address in (place.admin, place.agent_admin):
        for path in ("healthz", "readyz"):
            assert urlopen(f"http://{address}/{path}").status == 200
        text = urlopen(f"http://{address}/metrics").read().decode()
        assert "\ngrpc_tunnel_tunnels_open{" in text


def test_dashboard_names_only_metrics_that_exist(place):
    text = urlopen(f"http://{place.admin}/metrics").read().decode()
    existing = set(re.findall(r"^(\w+)(?:\{.*\})? ", text, re.MULTILINE))
    named = set(re.findall(r"\bgrpc_tunnel_\w+", DASHBOARD.read_text()))
    assert len(named) > 10
    assert named <= existing


def test_terminal_lists_and_describes(place, run):
    lines = run("tunnels", "list", "--admin", place.admin).splitlines()
    assert lines[0].split()[:3] == ["KEY", "TUNNEL", "STATE"]
    key, tunnel, state = lines[1].split()[:3]
    assert (key, state) == ("shop-42", "ready")
    assert run("tunnels", "--admin", place.admin).splitlines()[1].split()[:2] == [key, tunnel]
    assert f"tunnel         {tunnel}" in run("tunnels", "describe", tunnel, "--admin", place.admin)
    overview = json.loads(run("tunnels", "list", "--admin", place.admin, "--json"))
    assert [t["id"] for t in overview["tunnels"]] == [tunnel]
    assert json.loads(run("tunnels", "describe", tunnel, "--admin", place.admin, "--json"))["key"] == key


def test_terminal_drains_closes_and_watches(programs, place, run):
    with programs.start("watch", "tunnels", "watch", "--admin", place.admin) as watch:
        watch.wait_for_output(r"ready +shop-42 tunnel-\d+")
        with programs.agent(place.tunnel_address, "till-8", place.upstream):
            tunnel = watch.wait_for_output(r"ready +till-8 (tunnel-\d+)").group(1)
            run("tunnels", "drain", tunnel, "--admin", place.admin)
            watch.wait_for_output(rf"closed +till-8 {tunnel} by")
            second = watch.wait_for_output(rf"ready +till-8 (?!{tunnel} )(tunnel-\d+)").group(1)
            run("tunnels", "close", second, "--reason", "a test", "--admin", place.admin)
            watch.wait_for_output(rf"till-8 {second} by this end: .*closed by the operator: a test")
    assert "There is no tunnel" in run("tunnels", "close", second, "--admin", place.admin, code=1)
    assert "a test" in run("tunnels", "list", "--closed", "--admin", place.admin)


def test_terminal_says_what_is_wrong(place, run):
    assert "--admin is missing" in run("tunnels", "list", code=64)
    assert "cannot reach" in run("tunnels", "list", "--admin", "127.0.0.1:1", code=1)


def test_diag_collects_what_a_bug_report_needs(place, run):
    text = run("diag", "--admin", place.admin)
    for words in ("# Program", "tunnel-address: ", '"key":"shop-42"', "# TYPE grpc_tunnel_tunnels_open gauge"):
        assert words in text
