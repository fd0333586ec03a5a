"""Set-up of JAX and what this machine has. Call `configure` before the first array is made."""

import os
import platform
import sys
from typing import Any

from neuralgpu import __version__

_MOST_CPU_DEVICES = 16


def cores() -> int:
    """Returns the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def configure() -> None:
    """Gives JAX one CPU device a core.

    XLA runs a small step on little more than one core; a batch that is split over one device a core uses them all.
    Does nothing where JAX has started already.
    """
    import jax

    try:
        jax.config.update("jax_num_cpu_devices", min(cores(), _MOST_CPU_DEVICES))
    except RuntimeError:
        return


def memory_bytes() -> int:
    """Returns the machine's memory in bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


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
