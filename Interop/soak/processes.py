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

"""What processes use of memory, file descriptors and threads, over time."""

import statistics
import threading
import time
from pathlib import Path

INTERVAL = 1


class Usage:
    """Looks at programs every second, on a thread of its own. Knows nothing where there is no /proc."""

    def __init__(self):
        self.samples = {}
        self.stopped = threading.Event()

    def watch(self, programs):
        def run():
            while not self.stopped.wait(INTERVAL):
                for name, program in programs.items():
                    self.look(name, program)

        threading.Thread(target=run, daemon=True).start()

    def stop(self):
        self.stopped.set()

    def look(self, name, program):
        folder = Path(f"/proc/{program.process.pid}")
        try:
            lines = (folder / "status").read_text().splitlines()
            fields = dict(line.split(":", 1) for line in lines)
            sample = {
                "time": time.monotonic(),
                "megabytes": int(fields["VmRSS"].split()[0]) / 1024,
                "descriptors": sum(1 for _ in (folder / "fd").iterdir()),
                "threads": int(fields["Threads"]),
            }
        except (OSError, KeyError):
            return
        self.samples.setdefault(name, []).append(sample)

    def thirds(self, name, field):
        """The median of the second and of the last third: the first one warms up."""
        values = [sample[field] for sample in self.samples[name]]
        third = len(values) // 3
        return (
            statistics.median(values[third : 2 * third]), statistics.median(values[2 * third :])
        )

    def report(self):
        for name, samples in self.samples.items():
            for field in ("megabytes", "descriptors", "threads"):
                values = [sample[field] for sample in samples]
                tenths = [values[len(values) * tenth // 10] for tenth in range(10)] + values[-1:]
                series = " ".join(f"{value:.0f}" for value in tenths)
                yield f"{name}: {field} over time {series}, at most {max(values):.0f}"
