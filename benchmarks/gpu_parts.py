"""The parts of `gpu.py`: each yields rows of what it measured."""

import importlib.metadata
import importlib.util
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
from gpu_steps import COMPUTES, Row, Shapes, measured_step, tried
from gpu_trace import kernels, read_events

from neuralgpu import devices
from neuralgpu.benchmark.growth import exponents
from neuralgpu.benchmark.matrices import matrix_rate
from neuralgpu.benchmark.measure import RepeatedStep
from neuralgpu.benchmark.sizes import Size, growth_sizes
from neuralgpu.model.convolution import Convolution, Direct
from neuralgpu.training.memory import step_bytes

STEP_SIZES = ((24, 15), (128, 15), (128, 1))
TARGET_SECONDS, TARGET_SHARE = 5e-3, 0.4
PYTORCH_MODES = ("default", "reduce-overhead", "max-autotune-no-cudagraphs")
_COMMANDS = "FUSION,CUBLAS,CUBLASLT,CUDNN,CUSTOM_CALL,DYNAMIC_SLICE_FUSION"
XLA_FLAGS = {
    "as it is": "",
    "no command buffers": "--xla_gpu_enable_command_buffer=",
    "most commands": f"--xla_gpu_enable_command_buffer={_COMMANDS}",
    "and loops, branches": f"--xla_gpu_enable_command_buffer={_COMMANDS},WHILE,CONDITIONAL",
    "and from 1 command on": (
        f"--xla_gpu_enable_command_buffer={_COMMANDS},WHILE,CONDITIONAL --xla_gpu_graph_min_graph_size=1"
    ),
}
OUT = "NEURALGPU_GPU_OUT"
"""The variable of the environment that says where a part may leave files."""
_MISSING = "needs a GPU"
_ROOT = Path(__file__).parents[1]


def device_part(shapes: Shapes) -> Iterator[Row]:
    """Yields the device, versions and rates."""
    yield {**devices.description()["versions"], "device": devices.device_name(), "platform": platform.platform()}
    for name in ("torch", "triton", "jaxlib", "jax-cuda13-plugin", "nvidia-cudnn-cu13", "nvidia-cublas"):
        if importlib.util.find_spec(name.split("-")[0]) or "-" in name:
            yield tried(lambda name=name: {"package": name, "version": importlib.metadata.version(name)})
    for compute in COMPUTES:
        for side in (64,) if shapes.tiny else (4096, 8192):
            yield tried(
                lambda compute=compute, side=side: {"TFLOP/s": matrix_rate(compute, side) / 1e12},
                compute=compute,
                side=side,
            )


def step_part(shapes: Shapes) -> Iterator[Row]:
    """Yields our training steps, then PyTorch's, which take longer to compile."""
    rate = matrix_rate("bfloat16", 64 if shapes.tiny else None)
    yield {"TFLOP/s of bfloat16": rate / 1e12}
    sizes = [
        shapes.size(channels, seeds, compute=compute, settings=(f"fused={fused}",))
        for compute in COMPUTES
        for channels, seeds in STEP_SIZES
        for fused in ("auto", "off")
    ]

    def ours(size: Size) -> Row:
        seconds, row = measured_step(size, shapes)
        share = row["useful GFLOP"] * 1e9 / seconds / rate
        narrow = size.channels != 128
        target = f"{1e3 * TARGET_SECONDS:g} ms" if narrow else f"{TARGET_SHARE:.0%} of bf16 rate"
        holds = seconds <= TARGET_SECONDS if narrow else share >= TARGET_SHARE
        return {**row, "ms": 1e3 * seconds, "of bf16 rate": share, "target": target, "holds": holds}

    for size in sizes:
        yield tried(lambda size=size: ours(size), program="ours", size=str(size), settings=",".join(size.settings))
    for mode in PYTORCH_MODES:
        for size in (shapes.size(channels, 1, compute=c) for c in COMPUTES for channels in (24, 128)):
            yield tried(
                lambda size=size, mode=mode: pytorch_step(size, mode, rate, 1 if shapes.tiny else 5),
                program=f"PyTorch {mode}",
                size=str(size),
            )


def pytorch_step(size: Size, mode: str, rate: float, rounds: int) -> Row:
    """Times the same step of one seed in PyTorch, a step of the model compiled; several seeds take turns."""
    import torch
    from pytorch_step import PyTorch

    if not torch.cuda.is_available():
        raise RuntimeError(_MISSING)
    config = size.config()
    step = RepeatedStep(config)
    torch.set_float32_matmul_precision("high")
    torch.backends.cudnn.allow_tf32 = torch.backends.cudnn.benchmark = True
    with torch.device("cuda"):
        program = PyTorch(config, step.examples[0], step.learners[0].model)
    (seed,) = program.seeds
    seed.advance = torch.compile(seed.advance, mode=mode, dynamic=False)

    def run() -> float:
        torch.compiler.cudagraph_mark_step_begin()
        started = time.perf_counter()
        program.run()
        torch.cuda.synchronize()
        return time.perf_counter() - started

    first, _ = run(), run()
    seconds = statistics.median([run() for _ in range(rounds)])
    share = step.work.operations / seconds / rate
    return {"first s": first, "ms": 1e3 * seconds, "ms of 15 seeds": 15e3 * seconds, "of bf16 rate": share}


def launches_part(shapes: Shapes) -> Iterator[Row]:
    """Yields kernels and gaps of training steps, then the time with other settings of XLA's command buffers."""
    wanted = [(channels, fused) for channels in (24, 128) for fused in ("off", "auto")]
    sizes = [shapes.size(channels, 15, compute="bfloat16", settings=(f"fused={fused}",)) for channels, fused in wanted]
    for size in sizes:
        yield from traced(size, shapes)
    for name, flags in XLA_FLAGS.items():
        yield tried(lambda flags=flags: with_flags(sizes[0], flags, shapes), flags=name, size=str(sizes[0]))


def traced(size: Size, shapes: Shapes) -> Iterator[Row]:
    """Yields what a profile of a few steps says."""
    label = {"size": str(size), "settings": ",".join(size.settings)}
    try:
        step = RepeatedStep(size.config())
        for _ in range(3):
            step()
        options = jax.profiler.ProfileOptions()
        options.python_tracer_level = 0
        folder = Path(os.environ[OUT]) / "-".join(["trace", str(size.channels), str(size.seeds), *size.settings])
        with jax.profiler.trace(folder, profiler_options=options):
            for _ in range(shapes.at_once):
                step.begin()
            jax.block_until_ready(step.learners)
        found = kernels(read_events(folder))
    except Exception as error:
        yield {**label, "failed": f"{type(error).__name__}: {error}"[:300]}
        return
    if not found.launches:
        yield {**label, "failed": _MISSING}
        return
    steps = shapes.at_once
    yield {
        **label,
        "kernels a step": found.launches / steps,
        "copies a step": found.copies / steps,
        "ms a step": found.span / steps / 1e3,
        "busy ms a step": found.busy / steps / 1e3,
        "µs a kernel": found.busy / found.launches,
        "gap share": found.gap_share,
    }
    for name, count, microseconds in found.longest[:15]:
        yield {**label, "kernel": name[:60], "count a step": count / steps, "ms a step": microseconds / steps / 1e3}


def with_flags(size: Size, flags: str, shapes: Shapes) -> Row:
    """Times a step in a process with these flags of XLA."""
    environment = {**os.environ, "XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} {flags}".strip()}
    command = [
        sys.executable,
        str(Path(__file__).with_name("gpu.py")),
        "--timed",
        ",".join([str(size.channels), str(size.seeds), size.compute, *size.settings]),
    ]
    command += ["--tiny"] * shapes.tiny
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    if ended.returncode:
        raise RuntimeError(ended.stderr.strip()[-200:])
    return json.loads(ended.stdout.splitlines()[-1])


def memory_part(shapes: Shapes) -> Iterator[Row]:
    """Yields bytes and time by memory strategy."""
    wanted = [(128, how) for how in ("step", "store", "sqrt", "treeverse:16", "offload")]
    wanted += [(512, how) for how in ("step", "treeverse:16", "offload")]

    def found(size: Size) -> Row:
        needed = step_bytes(size.config())
        seconds, row = measured_step(size, shapes)
        return {**row, "GB": needed / 1e9, "ms": 1e3 * seconds}

    for channels, how in wanted:
        size = shapes.size(channels, 1, settings=(f"memory={how}", "fused=off"))
        yield tried(lambda size=size: found(size), memory=how, channels=channels)


def convolution_part(shapes: Shapes) -> Iterator[Row]:
    """Yields the time of the convolution's forms: the one that the device is given, and the direct one."""
    for compute in COMPUTES:
        for channels in (3,) if shapes.tiny else (24, 128):
            for seeds in (1, 2) if shapes.tiny else (1, 15):
                for form in ("chosen", "direct"):
                    label = {"form": form, "channels": channels, "seeds": seeds, "compute": compute}
                    yield tried(partial(convolution_time, shapes=shapes, **label), **label)


def convolution_time(form: str, channels: int, seeds: int, compute: str, shapes: Shapes) -> Row:
    """Times a gradient through a loop of convolutions, of the seeds under `vmap`."""
    batch, length, height, steps = (2, 4, 2, 2) if shapes.tiny else (32, 48, 4, 16)
    dtype = jnp.dtype(compute)
    keys = jax.random.split(jax.random.key(0))
    kernels = jax.random.normal(keys[0], (seeds, 3, 3, channels, 2 * channels), dtype) / (9 * channels) ** 0.5
    states = jax.random.normal(keys[1], (seeds, batch, length, height, channels), dtype)

    def loss(kernel: jax.Array, states: jax.Array) -> jax.Array:
        whole = Convolution(kernel, jnp.zeros(2 * channels, dtype))
        convolution = whole.prepared(height) if form == "chosen" else Direct(whole.kernel, whole.bias)

        def step(states: jax.Array, _: None) -> tuple[jax.Array, None]:
            return jax.nn.tanh(jax.vmap(convolution)(states)[..., :channels]), None

        return jnp.sum(jax.lax.scan(step, states, length=steps)[0].astype(jnp.float32))

    gradient = jax.jit(jax.vmap(jax.grad(loss, argnums=(0, 1))))
    jax.block_until_ready(gradient(kernels, states))
    rounds: list[float] = []
    for _ in range(5):
        started = time.perf_counter()
        jax.block_until_ready([gradient(kernels, states) for _ in range(shapes.at_once)])
        rounds.append((time.perf_counter() - started) / shapes.at_once / steps)
    useful = 3 * 2 * 9 * channels * 2 * channels * seeds * batch * length * height
    seconds = statistics.median(rounds)
    name = type(Convolution(kernels[0], jnp.zeros(2 * channels)).prepared(height)).__name__
    shown = name if form == "chosen" else "Direct"
    return {"class": shown, "µs a step": 1e6 * seconds, "TFLOP/s": useful / seconds / 1e12}


def growth_part(shapes: Shapes) -> Iterator[Row]:
    """Yields the time of a step by length, and the fitted exponents."""
    points: dict[int, float] = {}
    for size in growth_sizes():
        if shapes.tiny:
            size = replace(shapes.size(3, 1), length=size.length // 10 * 2 + 3)
        row = tried(lambda size=size: {"seconds": measured_step(size, shapes)[0]}, length=size.length)
        if "seconds" in row:
            points[size.length] = row["seconds"]
        yield row
        if shapes.tiny and len(points) == 3:
            break
    for lengths, fit in exponents(points):
        yield {"from": lengths[0], "exponent": fit.exponent, "standard error": fit.standard_error}


def tests_part(shapes: Shapes) -> Iterator[Row]:
    """Yields how the tests ended; matrix products in full single precision, and for comparison in the default one.

    Where beartype is missing, types are not checked and the shared set-up is left out.
    """
    bare = [] if importlib.util.find_spec("beartype") else ["--noconftest"]
    parity = "tests/model/test_parity.py"
    runs = {
        "need a GPU": (["tests", "-m", "gpu"], "highest"),
        "published numbers": ([parity, *(["-k", "every"] if shapes.tiny else [])], "highest"),
        "published numbers, default precision": ([parity, "-k", "every" if shapes.tiny else "classic"], "default"),
    }
    for name, (arguments, precision) in runs.items():
        command = [sys.executable, "-m", "pytest", "-q", "-W", "default", "-p", "no:cacheprovider"]
        command += ["--continue-on-collection-errors", *bare, *arguments]
        environment = {**os.environ, "PYTHONPATH": str(_ROOT / "src"), "JAX_DEFAULT_MATMUL_PRECISION": precision}
        ended = subprocess.run(command, cwd=_ROOT, env=environment, capture_output=True, text=True, check=False)
        print(ended.stdout, ended.stderr, file=sys.stderr)
        lines = (ended.stdout.strip() or ended.stderr.strip()).splitlines()
        failed = re.findall(r"^FAILED (\S+)", ended.stdout, flags=re.MULTILINE)
        yield {"tests": name, "status": ended.returncode, "ended": lines[-1] if lines else "", "failed tests": failed}


PARTS: dict[str, tuple[Callable[[Shapes], Iterator[Row]], int]] = {
    "device": (device_part, 50),
    "step": (step_part, 200),
    "launches": (launches_part, 170),
    "memory": (memory_part, 120),
    "convolution": (convolution_part, 60),
    "growth": (growth_part, 110),
    "tests": (tests_part, 120),
}
"""Each with the most seconds that it may take."""
