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

"""What became of the RPCs of a soak, and which faults explain it."""

import json
from collections import Counter

# An RPC that fails must have been under way while a fault lasted, or so many seconds after it.
RECOVERY = 5

# How late an RPC may end: its caller has a busy machine too.
LATENESS = 3

EXPLICABLE = {"UNAVAILABLE", "DEADLINE_EXCEEDED"}


class Outcome:
    def __init__(self, records, faults):
        self.records = records
        self.faults = faults
        self.failures = [record for record in records if record["code"] != "OK"]
        self.wrong = [record for record in self.failures if record["code"] == "WRONG"]
        self.late = [
            record for record in records
            if record["end"] - record["start"] > record["deadline"] + LATENESS
        ]
        self.unexplained = [
            record for record in self.failures
            if record["code"] not in EXPLICABLE or not self.explanations(record)
        ]

    @classmethod
    def read(cls, path, faults):
        return cls([json.loads(line) for line in path.read_text().splitlines()], faults)

    def explanations(self, record):
        """The faults of which an RPC may have failed."""
        return [
            fault for fault in self.faults
            if not fault.is_harmless and fault.router == record["router"]
            and record["start"] <= fault.end + RECOVERY and record["end"] >= fault.start
        ]

    def recovery(self, fault):
        """How long after a fault, and after the end of one that lasts, RPCs still failed of it."""
        ends = [
            record["end"] for record in self.failures
            if self.explanations(record) and self.explanations(record)[-1] is fault
        ]
        if not ends:
            return None
        return max(ends) - fault.start, max(ends) - fault.end

    def report(self):
        kinds = Counter(record["kind"] for record in self.records)
        codes = Counter(record["code"] for record in self.failures)
        by_kind = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        by_code = ", ".join(f"{count} {code}" for code, count in sorted(codes.items()))
        longest = max((record["end"] - record["start"] for record in self.records), default=0)
        yield f"{len(self.records)} RPCs ({by_kind})"
        yield f"failures: {by_code or 'none'}; longest RPC {longest:.1f} s"
        yield (
            f"wrong answers: {len(self.wrong)}, later than their deadline: {len(self.late)}, "
            f"unexplained failures: {len(self.unexplained)}"
        )
        for name in sorted({fault.name for fault in self.faults}):
            faults = [fault for fault in self.faults if fault.name == name]
            times = [self.recovery(fault) for fault in faults]
            felt = [time for time in times if time is not None]
            lasted = max(fault.end - fault.start for fault in faults)
            line = f"{len(faults)} x {name}, up to {lasted:.1f} s: "
            if not felt:
                yield line + "no RPC failed"
                continue
            afterwards = max(end for _, end in felt)
            yield line + (
                f"RPCs failed until {max(start for start, _ in felt):.1f} s after its start at most, "
                + (f"and {afterwards:.1f} s after its end" if afterwards > 0 else "none after its end")
            )
