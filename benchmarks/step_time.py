"""Time of a training step: ours against the same step in PyTorch, on this machine, in one process.

    python benchmarks/step_time.py [--channels 24] [--length 41] [--seeds 1] [--batch 32] [--rounds 15] [--json]
    python benchmarks/step_time.py --all        # 24 and 128 channels, lengths 11 and 41, 1 and 4 seeds

The step is the classic preset's: 2 CGRU layers, 6 relaxed copies, dropout, loss, gradient, pull of the copies,
clipping, Adam. Ours is what `neuralgpu train` runs. PyTorch's has oneDNN convolutions on channels-last tensors, both
gates in one convolution, all cores, ends its loop with the last step that counts, and runs its seeds one after the
other; it is timed eagerly and compiled by `torch.compile` (see `pytorch_step.py`). All must agree on loss and gradient
first; then they take turns, so that whatever else the machine does hits each of them. The target is a ratio to the
faster of PyTorch's two of at most 0.8, from 128 channels on of at most 1. On cores that are busy otherwise PyTorch's
threads wait for each other: free them.

Needs PyTorch, which nothing else here does, and for the compiled form a C++ compiler: pip install torch
"""

import argparse
import itertools
import json
import statistics
import sys
import timeit
from dataclasses import replace
from typing import Any

import jax
import numpy as np

from neuralgpu import devices
from neuralgpu.config import RunConfig
from neuralgpu.curriculum import Draw
from neuralgpu.errors import UserError
from neuralgpu.settings import merged, preset_settings, run_config
from neuralgpu.tasks import find_task
from neuralgpu.training.data import step_examples
from neuralgpu.training.objective import Examples, Weights
from neuralgpu.training.step import compiled_step, initial_learner

try:
    import torch
    from pytorch_step import PyTorch, torch_weights
except ImportError:
    print("This comparison needs PyTorch: pip install torch", file=sys.stderr)
    raise SystemExit(2) from None

_TASK = "badd"
_ALL = tuple(itertools.product((24, 128), (11, 41), (1, 4)))
"""Channels, length and seeds of `--all`."""
_TOLERANCES = {"float32": (1e-5, 1e-4), "bfloat16": (1e-2, 1e-1)}
"""Of the loss and of the gradient, relative."""
_WIDE = 128
_WARM_UP = 2


class Ours:
    """The compiled step."""

    def __init__(self, config: RunConfig, examples: Examples):
        self.learner = initial_learner(config)
        self._step = compiled_step(config)
        self._examples = examples
        settings = (config.optimiser.learning_rate, config.optimiser.pull, 0.0, config.model.noise)
        self._weights = Weights(*(np.full(len(config.seeds), setting, np.float32) for setting in settings))

    def run(self) -> float:
        """Takes one step, waits for it and returns the first seed's loss."""
        self.learner, (report,) = self._step(self.learner, (self._examples,), self._weights)
        jax.block_until_ready(self.learner)
        return float(report.loss[0])

    def warm_up(self) -> None:
        """Takes a step."""
        self.run()


def check_agreement(config: RunConfig, examples: Examples) -> None:
    """Takes one step of the first seed without dropout with each and compares loss and gradient (pulled and clipped).

    Raises:
        SystemExit: they differ.
    """
    config = replace(config, seeds=config.seeds[:1], model=replace(config.model, dropout=0.0))
    first = Examples(*(part[:1] for part in examples))
    ours = Ours(config, first)
    others = [PyTorch(config, first, ours.learner.model, compiled=compiled) for compiled in (False, True)]
    our_loss = ours.run()
    # After one step Adam's first moment is a tenth of the gradient.
    our_gradient = 10 * torch.cat([moment.flatten() for moment in torch_weights(ours.learner.moments.first)])
    allowed = _TOLERANCES[config.model.compute]
    for name, other in zip(("eager", "compiled"), others, strict=True):
        loss = other.run()
        gradient = torch.cat([weight.grad.flatten() for weight in other.seeds[0].parameters if weight.grad is not None])
        errors = (abs(our_loss - loss) / loss, float((our_gradient - gradient).norm() / gradient.norm()))
        finding = f"{name}: losses differ by {errors[0]:.1e}, gradients by {errors[1]:.1e}"
        if not all(error <= most for error, most in zip(errors, allowed, strict=True)):
            raise SystemExit(f"Not the same step: {finding} ({allowed[0]:.0e}, {allowed[1]:.0e} allowed).")
        print(f"Same weights, no dropout; {finding}.", file=sys.stderr)


def compared(sizes: argparse.Namespace, channels: int, length: int, seeds: int) -> dict[str, Any]:
    """Checks the programs against each other, times them in turn and returns what came out.

    Raises:
        UserError: there is no such training step.
    """
    model = {"channels": channels, "compute": sizes.compute}
    settings = {"task": _TASK, "batch": sizes.batch, "seeds": list(range(seeds)), "model": model}
    config = run_config(merged([preset_settings("classic", "add"), settings]))
    bucket = config.curriculum.bucket_of(length)
    draws = [[Draw(0, bucket, {length: sizes.batch})]] * seeds
    (examples,) = step_examples(config, (find_task(_TASK),), config.seeds, draws, 0)
    check_agreement(config, examples)
    ours = Ours(config, examples)
    others = {
        "eager": PyTorch(config, examples, ours.learner.model),
        "compiled": PyTorch(config, examples, ours.learner.model, compiled=True),
    }
    programs = {"ours": ours, **others}
    for program in programs.values():
        for _ in range(_WARM_UP):
            program.warm_up()
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(sizes.rounds):
        for name, program in programs.items():
            seconds[name].append(timeit.timeit(program.run, number=1))
    better = min(others, key=lambda name: statistics.median(seconds[name]))
    ratios = [one / other for one, other in zip(seconds["ours"], seconds[better], strict=True)]
    found = {"channels": channels, "length": length, "seeds": seeds, "batch": sizes.batch, "compute": sizes.compute}
    ratio, target = statistics.median(ratios), 1.0 if channels >= _WIDE else 0.8
    return {**found, "bucket": bucket, **seconds, "better": better, "ratio": ratio, "ratios": ratios, "target": target}


def main() -> None:
    """Compares the programs at the sizes that are asked for and prints what came out."""
    parser = argparse.ArgumentParser(description="A training step against the same step in PyTorch.")
    parser.add_argument("--channels", type=int, default=24, help="channels of the state (default 24)")
    parser.add_argument("--length", type=int, default=41, help="length of the inputs, in symbols (default 41)")
    parser.add_argument("--seeds", type=int, default=1, help="seeds in a step (default 1)")
    parser.add_argument("--all", action="store_true", help="the eight sizes of the target, one after the other")
    parser.add_argument("--batch", type=int, default=32, help="inputs of a seed in a step (default 32)")
    parser.add_argument("--compute", choices=_TOLERANCES, default="float32", help="precision of the model's steps")
    parser.add_argument("--rounds", type=int, default=15, help="timed steps of each (default 15)")
    parser.add_argument("--json", action="store_true", help="print one JSON object for each size")
    sizes = parser.parse_args()
    devices.configure()
    torch.set_num_threads(devices.cores())
    versions = {**devices.versions(), "torch": torch.__version__}
    if not sizes.json:
        print(f"batch {sizes.batch}, {sizes.compute}, {devices.cores()} cores, median seconds a step; ", end="")
        print(", ".join(f"{name} {version}" for name, version in versions.items()))
        print("channels length seeds    ours   eager compiled  ratio (rounds)       target")
    for channels, length, seeds in _ALL if sizes.all else [(sizes.channels, sizes.length, sizes.seeds)]:
        try:
            found = compared(sizes, channels, length, seeds)
        except UserError as error:
            parser.error(str(error))
        if sizes.json:
            print(json.dumps({**found, "cores": devices.cores(), "versions": versions}), flush=True)
            continue
        times = [statistics.median(found[name]) for name in ("ours", "eager", "compiled")]
        ratio, ratios, target = found["ratio"], found["ratios"], found["target"]
        verdict = "holds" if ratio <= target else "missed"
        print(
            f"{channels:8} {length:6} {seeds:5} {times[0]:7.3f} {times[1]:7.3f} {times[2]:8.3f}  "
            f"{ratio:.2f} ({min(ratios):.2f} to {max(ratios):.2f})  {target:.1f} {verdict}",
            flush=True,
        )


if __name__ == "__main__":
    main()
