"""What is measured of this program and of trained models; the part of an experiment beside its sweeps that needs JAX.

Every function takes plain values and returns records that are kept as JSON.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import tree

from neuralgpu.choice import chosen_config
from neuralgpu.errors import UserError
from neuralgpu.evaluation.models import TrainedModels, load_models
from neuralgpu.evaluation.questions import Question
from neuralgpu.evaluation.score import examine
from neuralgpu.evaluation.suites import find_suite
from neuralgpu.evaluation.threshold import Tally, find_thresholds
from neuralgpu.model.config import ModelConfig
from neuralgpu.model.initial import initial_model
from neuralgpu.run_directory import RunDirectory
from neuralgpu.training.memory import step_bytes

Found = list[dict[str, Any]]
Watch = Callable[[str], None]
"""Told what is being measured."""
_TRIPS = re.compile(r'"known_trip_count":\{"n":"(\d+)"')
_AT_FIRST = 32
"""Inputs of each size before thresholds are bisected."""
_WINDOW = 41
"""Positions that the feed-forward network of Table 1 is made for, whatever the input's length."""


def operations(lengths: Sequence[int], channels: int, watch: Watch) -> Found:
    """Reads from compiled programs how many steps follow on each other and how many operations they take (Table 1).

    XLA's cost analysis counts the inside of a loop once; how often it runs stands in the program. What lies outside of
    the loops is counted with them: below a hundredth.

    Args:
        lengths: of the input.
        channels: of the Neural GPU's state, and numbers in the state of the recurrent network.
        watch: told the length.
    """
    model = initial_model(jax.random.key(0), ModelConfig(channels=channels))
    square = jnp.zeros((channels, channels))

    def recurrent(symbols: jax.Array) -> jax.Array:
        def cell(state: jax.Array, read: jax.Array) -> tuple[jax.Array, None]:
            gate = jax.nn.sigmoid(read @ square + state @ square)
            return gate * state + (1 - gate) * jnp.tanh(read @ square + (gate * state) @ square), None

        return jax.lax.scan(cell, jnp.zeros(channels), symbols)[0]

    def feed_forward(symbols: jax.Array) -> jax.Array:
        window = jnp.zeros((_WINDOW, channels)).at[: min(_WINDOW, len(symbols))].set(symbols[:_WINDOW])
        hidden = jnp.tanh(window.reshape(-1) @ jnp.zeros((_WINDOW * channels, channels)))
        return hidden @ square

    found: Found = []
    for length in lengths:
        watch(f"operations at length {length}")
        symbols, grid = jnp.zeros((length, channels)), jnp.zeros((length, 1), jnp.int32)
        programs: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
            "feed-forward": (feed_forward, (symbols,)),
            "recurrent": (recurrent, (symbols,)),
            "neural-gpu": (lambda grid, mask: model(grid, mask).logits, (grid, jnp.ones(length, bool))),
        }
        for name, (program, arguments) in programs.items():
            compiled = jax.jit(program).lower(*arguments).compile()
            trips = int(np.prod([int(count) for count in _TRIPS.findall(compiled.as_text() or "")]))
            record = {"model": name, "length": length, "steps": trips}
            found.append({**record, "operations": (compiled.cost_analysis() or {})["flops"] * trips})
    return found


def memory(
    channels: Sequence[int],
    length: int,
    memories: Sequence[str],
    batches: Sequence[int],
    watch: Watch,
    model: Mapping[str, int] | None = None,
) -> Found:
    """Asks the compiler how many bytes a training step of the classic model holds at once.

    Args:
        channels: sizes of the model.
        length: of the longest inputs.
        memories: strategies; all but the first with the last batch alone.
        batches: numbers of inputs.
        watch: told what is being compiled.
        model: other settings of the model.
    """
    found: Found = []
    for size in channels:
        for name in memories:
            for batch in batches if name == memories[0] else batches[-1:]:
                watch(f"memory of a step, {size} channels, {name}, batch {batch}")
                settings = {
                    "batch": batch,
                    "memory": name,
                    "model": {**(model or {}), "channels": size},
                    "curriculum": {"max_length": length, "buckets": [length], "start_length": min(8, length)},
                }
                config = chosen_config("badd", "classic", {}, [settings], (0,), None)
                record = {"channels": size, "length": length, "memory": name, "batch": batch}
                found.append({**record, "bytes": step_bytes(config)})
    return found


def thresholds(models: Mapping[str, TrainedModels], suite: str, longest: int, watch: Watch) -> Found:
    """Bisects, for each seed of each cell, the size of a suite's inputs from which on half of them are wrong."""
    found: Found = []
    asked = find_suite(suite)
    for name, of_cell in models.items():
        sizes = asked.sizes(of_cell.task, longest)
        # Sizes in a ratio of at least 3 to 2; what lies between two of them is bisected.
        coarse = [
            size
            for index, size in enumerate(sizes)
            if not index or int(math.log(size, 1.5)) > int(math.log(sizes[index - 1], 1.5))
        ]
        questions = [Question(asked, of_cell.task, size, _AT_FIRST) for size in coarse]
        tallies: dict[int, Tally] = {}
        for question, finding in zip(questions, examine(of_cell, questions, 0, lambda *_: None), strict=True):
            watch(f"{name}: {suite} {question.size}")
            tallies[question.size] = Tally(len(finding.asked), finding.wrong.sum(axis=1))
        rows = find_thresholds(
            of_cell, asked, tallies, longest, 0, lambda size, _, n=name: watch(f"{n}: {suite} {size}")
        )
        found += [{"cell": name, **asdict(row)} for row in rows]
    return found


def regular(
    models: Mapping[str, TrainedModels], zeros: Sequence[int], digits: Sequence[int], count: int, watch: Watch
) -> Found:
    """Asks each seed, and the average of all, single digits behind zeros and the regular inputs of section 5."""
    found: Found = []
    for name, of_cell in models.items():
        task = of_cell.task
        sizes = {"leading-zeros": zeros, "repeated": digits, "power": digits}
        asked = [
            Question(find_suite(suite), task, size, max(count, getattr(task, "base", 2) ** 2))
            for suite, of_suite in sizes.items()
            for size in of_suite
            if find_suite(suite).fits(task) and find_suite(suite).valid_size(task, size)
        ]
        several = len(of_cell.seeds) > 1
        for subject in (of_cell, replace(of_cell, average=True)) if several else (of_cell,):
            watch(f"{name}: {'average of the seeds' if subject.average else 'seed by seed'}")
            for finding, question in zip(examine(subject, asked, 0, lambda *_: None), asked, strict=True):
                for row, wrong in zip(finding.rows, finding.wrong, strict=True):
                    record = {"cell": name, "size": question.size, "wrong": int(wrong.sum()), "asked": len(wrong)}
                    shown = [
                        [example.input, example.target, bool(miss)]
                        for example, miss in zip(finding.asked, wrong, strict=True)
                    ]
                    pairs = shown if question.suite.name == "leading-zeros" else []
                    found.append({**asdict(row), **record, "pairs": pairs})
    return found


def answers(models: Mapping[str, TrainedModels], inputs: Sequence[str], watch: Watch) -> Found:
    """Lets the seeds of each cell answer given inputs."""
    found: Found = []
    for name, of_cell in models.items():
        watch(f"{name}: {len(inputs)} given inputs")
        for seed, outputs in zip(of_cell.answering, of_cell.answers(inputs), strict=True):
            found += [
                {
                    "cell": name,
                    "seed": seed,
                    "input": text,
                    "answer": answer,
                    "right": answer == of_cell.task.solve(text),
                }
                for text, answer in zip(inputs, outputs, strict=True)
            ]
    return found


def models_of(runs: Sequence[RunDirectory]) -> TrainedModels:
    """Loads the seeds of several runs of one cell as if they had been trained together.

    Raises:
        UserError: there is none.
        DamagedRunError: a run has no whole checkpoint.
    """
    loaded = [load_models(run) for run in runs]
    if not loaded:
        raise UserError("No run of this cell is finished.")
    stacked = tree.map(lambda *leaves: jnp.concatenate(leaves), *(of_run.model for of_run in loaded))
    return replace(
        loaded[0],
        model=stacked,
        seeds=tuple(seed for of_run in loaded for seed in of_run.seeds),
        step=min(of_run.step for of_run in loaded),
        diverged={seed: step for of_run in loaded for seed, step in of_run.diverged.items()},
    )
