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

"""Do the checks themselves hold? What records come to, without any server."""

from restarts.conftest import Outcome


def outcome(*calls, executed=()):
    return Outcome(list(calls), list(executed))


def test_all_is_well():
    calm = outcome("a unary OK 3", "b chat OK 700", executed=["b", "a"])
    assert not calm.failures
    assert not calm.executed_twice
    assert not calm.never_executed
    assert not calm.unknown
    assert calm.kinds == {"unary": 1, "chat": 1}
    assert calm.longest == 700


def test_failures_are_counted_by_status():
    failing = outcome("a unary unavailable 3", "b chat WRONG 4", "c chat WRONG 5", executed=["b"])
    assert failing.failures == {"unavailable": 1, "WRONG": 2}


def test_a_call_that_ran_twice_is_found():
    assert outcome("a unary OK 3", executed=["a", "a"]).executed_twice == ["a"]


def test_a_reply_that_no_handler_gave_is_found():
    assert outcome("a unary OK 3", "b unary unavailable 3").never_executed == ["a"]


def test_an_execution_that_nobody_asked_for_is_found():
    assert outcome("a unary OK 3", executed=["a", "b"]).unknown == {"b"}
