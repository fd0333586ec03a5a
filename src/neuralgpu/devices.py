"""Set-up of JAX and what this machine has. Call `configure` before the first array is made."""

import os
import platform
import re
import resource
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from neuralgpu import __version__
from neuralgpu.errors import UserError, shown

_MOST_CPU_DEVICES = 16
_WORTH_KEEPING_SECONDS = 0.5
_CACHE_BYTES = 2e9


def cores() -> int:
    """Returns the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def configure(cpus: int | None = None) -> None:
    """Gives JAX one CPU device a core, and a folder where programs that took long to compile are kept.

    Args:
        cpus: number of cores to count on; all that this process may use when None.

    XLA runs a small step on little more than one core; a batch that is split over one device a core uses them all.
    Does nothing where JAX has started already.
    """
    import jax

    folder, setting = program_cache(), "jax_compilation_cache_dir"
    if folder is not None and getattr(jax.config, setting) is None:
        _forget_oldest(folder)
        jax.config.update(setting, str(folder))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", _WORTH_KEEPING_SECONDS)
    try:
        jax.config.update("jax_num_cpu_devices", min(cpus or cores(), _MOST_CPU_DEVICES))
    except RuntimeError:
        return


def program_cache() -> Path | None:
    """Returns the folder of compiled programs: what NEURALGPU_CACHE names, None for 'off'."""
    named = os.environ.get("NEURALGPU_CACHE")
    if named == "off":
        return None
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(named) if named else Path(home) / "neuralgpu"


def _forget_oldest(folder: Path) -> None:
    """Removes the programs that were kept first until the others fit."""
    with suppress(OSError):  # another process may remove them, too; without a cache everything works
        kept = sorted(
            ((entry.stat().st_mtime, entry.stat().st_size, entry) for entry in folder.iterdir()), reverse=True
        )
        total = 0
        for _, size, entry in kept:
            total += size
            if total > _CACHE_BYTES:
                entry.unlink()


def join(text: str) -> None:
    """Joins the processes that train one run together; to be called before JAX is used.

    Args:
        text: "HOST:PORT,COUNT,NUMBER", or "auto" where a scheduler knows them that JAX can ask.

    Raises:
        UserError: it is something else, or the processes do not find each other.
    """
    found = re.fullmatch(r"([^,\s]+:\d{1,5}),(\d{1,6}),(\d{1,6})", text)
    if text != "auto" and (found is None or int(found[3]) >= int(found[2])):
        raise UserError(
            f"--distributed takes HOST:PORT,COUNT,NUMBER with a number from 0 to COUNT - 1, or auto; got {shown(text)}."
        )
    import jax

    configure()
    try:
        if found is None:
            jax.distributed.initialize()
        else:
            jax.distributed.initialize(found[1], int(found[2]), int(found[3]))
    except (RuntimeError, ValueError) as error:
        raise UserError(f"--distributed {text}: the processes did not find each other ({error}).") from error


def is_one_of_several() -> bool:
    """Says whether several processes train one run together: whether `join` was called."""
    import jax

    return jax.distributed.is_initialized()


def is_first_process() -> bool:
    """Says whether this is the process that writes; the only one, unless `join` was called."""
    import jax

    return not is_one_of_several() or jax.process_index() == 0


def memory_bytes() -> int:
    """Returns the machine's memory in bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def available_bytes(root: Path = Path("/")) -> int | None:
    """Returns how much more memory this process may take: of the machine's, of its control group's, by its own limit.

    None where the system does not say.

    Args:
        root: where the system's files lie, /proc and /sys.
    """
    found: list[int] = []
    with suppress(OSError, KeyError, ValueError):
        machine = _numbers(root / "proc/meminfo")
        found.append(1024 * machine["MemAvailable"])
    with suppress(OSError, KeyError, ValueError):
        [path] = re.findall(r"^(?:0:|\d+:memory):(.*)$", (root / "proc/self/cgroup").read_text("utf-8"), re.MULTILINE)[
            :1
        ]
        for group, limit, used, cached in (
            (root / f"sys/fs/cgroup{path}", "memory.max", "memory.current", "inactive_file"),
            (
                root / f"sys/fs/cgroup/memory{path}",
                "memory.limit_in_bytes",
                "memory.usage_in_bytes",
                "total_inactive_file",
            ),
        ):
            with suppress(OSError, KeyError, ValueError):  # 'max' is no number: there is no limit
                allowed, taken = (int((group / name).read_text("utf-8")) for name in (limit, used))
                found.append(allowed - taken + _numbers(group / "memory.stat")[cached])
    with suppress(OSError, ValueError):
        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        if limit != resource.RLIM_INFINITY:
            taken = int((root / "proc/self/statm").read_text("utf-8").split()[0]) * resource.getpagesize()
            found.append(limit - taken)
    return min(found, default=None)


def _numbers(path: Path) -> dict[str, int]:
    """Reads lines such as 'MemAvailable:  12 kB'."""
    words = (line.replace(":", " ").split() for line in path.read_text("utf-8").splitlines())
    return {of_line[0]: int(of_line[1]) for of_line in words}


def versions() -> dict[str, str]:
    """Returns the versions that a result depends on."""
    import jax

    return {"neuralgpu": __version__, "jax": jax.__version__, "python": platform.python_version()}


def description() -> dict[str, Any]:
    """Returns what `neuralgpu doctor` prints: device, versions, memory."""
    import equinox
    import jax
    import numpy
    import optax

    devices = jax.local_devices()
    accelerators = [device for device in devices if device.platform != "cpu"]
    limits = [(device.memory_stats() or {}).get("bytes_limit") for device in accelerators]
    return {
        "device": device_name(),
        "devices": len(devices),
        "device_memory_gb": [round(limit / 1e9, 1) for limit in limits if limit],
        "cores": cores(),
        "memory_gb": round(memory_bytes() / 1e9, 1),
        "platform": f"{platform.system()} {platform.machine()}",
        "executable": sys.executable,
        "compiled_programs": str(program_cache() or "off"),
        "versions": {
            **versions(),
            "equinox": equinox.__version__,
            "optax": optax.__version__,
            "numpy": numpy.__version__,
        },
    }


def device_name() -> str:
    """Returns the kind of device that JAX computes on, such as 'cpu' or 'NVIDIA H200'."""
    import jax

    return jax.local_devices()[0].device_kind
