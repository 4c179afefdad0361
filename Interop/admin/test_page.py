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

"""The admin page against made-up tunnels: what it shows, and what it does on a click or a key."""

import pytest
from playwright.sync_api import expect

from admin import fake_admin


@pytest.fixture
def fake():
    """Starts a server that makes up tunnels."""
    servers = []

    def start(count, is_calm=True, token=None):
        tunnels = fake_admin.FakeTunnels(count, is_calm=is_calm)
        server = fake_admin.serve(0, tunnels, token)
        servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}/", tunnels

    yield start
    for server in servers:
        server.stop()


def rows(page):
    return page.locator("#list-open tbody tr")


def row(page, name):
    return rows(page).filter(has=page.get_by_role("cell", name=name, exact=True))


def test_lists_the_tunnels(fake, open_page):
    url, _ = fake(4)
    page = open_page(url)
    expect(rows(page)).to_have_count(5)
    expect(page.locator("#connection")).to_have_text("Live")
    expect(page.locator("#total-tunnels")).to_have_text("5")
    expect(page.locator("h1")).to_have_text("grpc-tunnel router")


def test_sorts_numbers_in_names_as_numbers(fake, open_page):
    url, _ = fake(11)
    page = open_page(url)
    expect(rows(page)).to_have_count(12)
    names = page.locator("#list-open tbody .open-detail").all_inner_texts()
    assert names[1:] == [f"shop-{number}" for number in range(1, 12)]
    page.locator("#list-open thead").get_by_role("button", name="Key", exact=True).click()
    expect(rows(page).first).to_contain_text("shop-11")
    expect(page.locator("#list-open th").first).to_have_attribute("aria-sort", "descending")


def test_shows_what_peers_send_as_text(fake, open_page):
    url, tunnels = fake(2)
    page = open_page(url)
    expect(rows(page)).to_have_count(3)
    hostile = next(t for t in tunnels.tunnels.values() if fake_admin.HOSTILE in t["key"])
    row(page, hostile["id"]).get_by_role("button").click()
    expect(page.locator("#detail h2")).to_have_text(hostile["key"])
    assert page.locator("img").count() == 0


def test_updates_by_itself(fake, open_page):
    url, tunnels = fake(1)
    page = open_page(url)
    expect(rows(page)).to_have_count(1)
    with tunnels.lock:
        tunnels.open("late-comer")
    expect(rows(page)).to_have_count(2)
    with tunnels.lock:
        tunnels.end("tunnel-1", True, "remote", "UNAVAILABLE", "the connection was lost")
    expect(rows(page)).to_have_count(1)
    page.get_by_role("tab", name="Closed").click()
    expect(page.locator("#list-closed tbody tr").first).to_contain_text("the connection was lost (UNAVAILABLE)")


def test_keeps_the_rows_that_it_has(fake, open_page):
    url, tunnels = fake(50)
    page = open_page(url)
    expect(rows(page)).to_have_count(51)
    page.evaluate("document.querySelectorAll('#list-open tbody tr').forEach((row) => { row.isOld = true })")
    with tunnels.lock:
        tunnels.tunnels["tunnel-7"] |= {"openRPCs": 77, "version": tunnels.touch()}
        tunnels.open("new")
    expect(rows(page)).to_have_count(52)
    expect(row(page, "tunnel-7")).to_contain_text("77")
    count = "[...document.querySelectorAll('#list-open tbody tr')].filter((row) => row.isOld).length"
    assert page.evaluate(count) == 51


def test_filters_by_key_and_state(fake, open_page):
    url, tunnels = fake(120)
    page = open_page(url)
    expect(rows(page)).to_have_count(121)
    page.keyboard.press("/")
    page.keyboard.type("shop-11")
    expect(rows(page)).to_have_count(11)
    expect(page.locator("#filter-result")).to_have_text("11 of 121")
    tunnels.act("tunnel-110", "drain", None)
    page.get_by_label("State").select_option("draining")
    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_contain_text("shop-110")


def test_tells_everything_about_a_tunnel(fake, open_page):
    url, tunnels = fake(8)
    page = open_page(url)
    row(page, "tunnel-2").get_by_role("button").click()
    detail = page.locator("#detail")
    expect(detail.locator("h2")).to_be_focused()
    expect(detail).to_contain_text(tunnels.tunnels["tunnel-2"]["peer"])
    expect(detail).to_contain_text("revision 1, drain, identity, liveness")
    # Another tunnel of the same key has closed before.
    expect(detail.locator(".history")).to_contain_text("tunnel-11")
    page.keyboard.press("Escape")
    expect(detail).to_be_hidden()
    expect(row(page, "tunnel-2").get_by_role("button")).to_be_focused()


def test_opens_the_tunnel_that_the_address_names(fake, open_page):
    url, _ = fake(8)
    page = open_page(f"{url}#tunnel-3")
    expect(page.locator("#detail h2")).to_have_text("shop-3")


def test_goes_through_the_rows_with_the_keyboard(fake, open_page):
    url, _ = fake(30)
    page = open_page(url)
    expect(rows(page)).to_have_count(31)
    page.get_by_label("Filter by key").focus()
    page.keyboard.press("ArrowDown")
    for key in ("ArrowDown", "ArrowDown"):
        page.keyboard.press(key)
    expect(page.locator("*:focus")).to_have_text("shop-2")
    page.keyboard.press("End")
    expect(page.locator("*:focus")).to_have_text("shop-30")
    page.keyboard.press("Enter")
    expect(page.locator("#detail h2")).to_have_text("shop-30")
    # One row is in the order of the Tab key, however many there are.
    assert page.locator("#list-open tbody [tabindex='0']").count() == 1


def test_closes_a_tunnel_after_a_question(fake, open_page):
    url, tunnels = fake(5)
    page = open_page(f"{url}#tunnel-3")
    page.get_by_role("button", name="Close…").click()
    question = page.get_by_role("dialog")
    expect(question).to_contain_text("Close tunnel-3 of shop-3?")
    expect(question.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Enter")
    expect(question).to_be_hidden()
    assert "tunnel-3" in tunnels.tunnels
    page.get_by_role("button", name="Close…").click()
    question.get_by_label("Reason").fill("moves to the new rack")
    question.get_by_role("button", name="Close the tunnel").click()
    expect(question).to_be_hidden()
    expect(page.locator("#detail")).to_contain_text("closed by the operator: moves to the new rack")
    assert "tunnel-3" not in tunnels.tunnels


def test_drains_a_tunnel_after_a_question(fake, open_page):
    url, tunnels = fake(5)
    page = open_page(f"{url}#tunnel-3")
    page.get_by_role("button", name="Drain…").click()
    page.get_by_role("button", name="Drain the tunnel").click()
    expect(row(page, "tunnel-3")).to_contain_text("draining")
    expect(page.get_by_role("button", name="Drain…")).to_have_count(0)
    assert tunnels.tunnels["tunnel-3"]["state"] == "draining"


def test_says_why_something_was_not_done(fake, open_page):
    url, tunnels = fake(5)
    page = open_page(f"{url}#tunnel-3")
    page.get_by_role("button", name="Drain…").click()
    tunnels.act = lambda *_: False
    page.get_by_role("button", name="Drain the tunnel").click()
    expect(page.get_by_role("alert")).to_have_text("It was not done: there is no tunnel 'tunnel-3'.")


def test_lists_the_last_rpcs(fake, open_page):
    url, _ = fake(3)
    page = open_page(url)
    page.get_by_role("tab", name="RPCs").click()
    expect(page.locator("#list-rpcs tbody tr")).to_have_count(100)


def test_asks_for_a_token(fake, open_page):
    url, _ = fake(3, token="secret")
    page = open_page(url)
    page.get_by_role("dialog").get_by_label("One of those").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("a valid token is needed")
    page.get_by_role("dialog").get_by_label("One of those").fill("secret")
    page.keyboard.press("Enter")
    expect(rows(page)).to_have_count(4)


def test_says_when_what_it_shows_is_old(fake, open_page):
    url, tunnels = fake(3)
    page = open_page(url)
    expect(rows(page)).to_have_count(4)
    server = tunnels.server
    server.stop()
    expect(page.locator("#connection")).to_have_text("Connection lost: what is shown is old")
    fake_admin.serve(server.server_address[1], tunnels)
    expect(page.locator("#connection")).to_have_text("Live")


def test_stays_quick_with_a_thousand_tunnels(fake, open_page):
    url, _ = fake(1000, is_calm=False)
    page = open_page(url)
    expect(page.locator("#total-tunnels")).to_have_text("1,001")
    # All of these change once a second; none of them is made anew.
    made = page.evaluate(
        """async () => {
          let made = 0;
          const observer = new MutationObserver((changes) => {
            for (const change of changes) {
              for (const node of change.addedNodes) made += node.nodeName === "TR" && !node.isOld;
            }
          });
          document.querySelectorAll("#list-open tbody tr").forEach((row) => { row.isOld = true; });
          observer.observe(document.querySelector("#list-open tbody"), { childList: true });
          await new Promise((resolve) => setTimeout(resolve, 4000));
          return made;
        }"""
    )
    assert made < 10
