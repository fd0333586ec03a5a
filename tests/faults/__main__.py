"""`make faults`: injects every fault its full number of times and writes the table of docs/faults.md.

`python -m tests.faults 1 10` injects some of them, by number, and only prints their lines.
"""

import os
import platform
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from neuralgpu import devices

from . import page
from .registry import all_faults


def main() -> int:
    """Returns 1 when something was lost or passed unnoticed."""
    chosen = set(map(int, sys.argv[1:]))
    rows, failed = [], False
    with tempfile.TemporaryDirectory(prefix="neuralgpu-faults-") as folder:
        # Compiled programs are kept for all that is started here, and nowhere else.
        os.environ["NEURALGPU_CACHE"] = str(Path(folder) / "programs")
        for number, fault in enumerate(all_faults()):
            if chosen and fault.number not in chosen:
                continue
            place = Path(folder) / str(number)
            place.mkdir()
            started = time.monotonic()
            outcome = fault.inject(fault.full, place)
            failed |= bool(outcome.lost or outcome.undetected)
            rows.append(page.row(fault, outcome))
            print(f"{rows[-1]} {time.monotonic() - started:.0f} s", flush=True)
    if not chosen:
        page.write(rows, _machine())
    return int(failed)


def _machine() -> str:
    memory = round(devices.memory_bytes() / 1e9)
    return (
        f"a machine with {devices.cores()} cores ({platform.machine()}, {memory} GB of memory, {platform.system()}, "
        f"Python {platform.python_version()}), {date.today():%d %B %Y}"
    )


if __name__ == "__main__":
    sys.exit(main())
