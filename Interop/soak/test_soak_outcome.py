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

"""Do the checks themselves hold? What records and faults come to, without any program."""

from soak.fleet import Fault
from soak.outcome import Outcome


def record(code="OK", start=100, end=101, router="north"):
    return {
        "rpc": "x", "kind": "unary", "router": router, "start": start, "end": end, "deadline": 10,
        "code": code, "note": "",
    }


def outcome(*records, faults=()):
    return Outcome(list(records), list(faults))


def test_all_is_well():
    calm = outcome(record(), record())
    assert not (calm.failures or calm.wrong or calm.late or calm.unexplained)


def test_a_failure_without_a_fault_is_unexplained():
    assert outcome(record("UNAVAILABLE")).unexplained


def test_a_failure_during_a_fault_is_explained():
    fault = Fault("cut", "north", 99, 100.5)
    assert not outcome(record("UNAVAILABLE"), faults=[fault]).unexplained


def test_a_failure_soon_after_a_fault_is_explained():
    fault = Fault("cut", "north", 95, 96)
    soon = outcome(record("UNAVAILABLE"), faults=[fault])
    assert not soon.unexplained
    assert soon.recovery(fault) == (6, 5)


def test_a_failure_long_after_a_fault_is_not():
    assert outcome(record("UNAVAILABLE"), faults=[Fault("cut", "north", 40, 41)]).unexplained


def test_a_failure_before_a_fault_is_not():
    assert outcome(record("UNAVAILABLE"), faults=[Fault("cut", "north", 102, 103)]).unexplained


def test_a_fault_of_another_router_explains_nothing():
    assert outcome(record("UNAVAILABLE"), faults=[Fault("cut", "south", 99, 100)]).unexplained


def test_what_is_harmless_explains_nothing():
    restart = Fault("restart", "north", 99, 100, is_harmless=True)
    assert outcome(record("UNAVAILABLE"), faults=[restart]).unexplained


def test_no_fault_explains_other_statuses_or_wrong_answers():
    fault = Fault("cut", "north", 99, 100)
    for code in ("INTERNAL", "RESOURCE_EXHAUSTED", "WRONG"):
        assert outcome(record(code), faults=[fault]).unexplained
    assert outcome(record("WRONG")).wrong


def test_an_rpc_past_its_deadline_is_found():
    assert outcome(record(end=114)).late
