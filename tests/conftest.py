"""Checks the shapes and types of every call into the package while the tests run."""

import os
import signal

import hypothesis
from jaxtyping import install_import_hook

# Two CPU devices on any machine, as `neuralgpu.devices.configure` makes them, but without importing JAX here.
os.environ.setdefault("JAX_NUM_CPU_DEVICES", "2")

# Tests neither use nor fill the user's cache of compiled programs.
os.environ["NEURALGPU_CACHE"] = "off"

# A shell starts background jobs with Ctrl-C ignored, which the programs that tests start and interrupt would inherit.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The hook rewrites modules as they are imported, so it has to come before the first import of the package.
install_import_hook("neuralgpu", "beartype.beartype")

# A deadline measures the machine and what else it does: the first call of a test imports and compiles.
hypothesis.settings.register_profile("steady", deadline=None)
hypothesis.settings.load_profile("steady")
