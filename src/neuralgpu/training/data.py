"""A training step's inputs for all seeds, made on the host while the device works."""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import zip_longest
from typing import TypeVar

import numpy as np

from neuralgpu.config import RunConfig
from neuralgpu.curriculum import CurriculumState, Draw, draw
from neuralgpu.tasks.task import Task
from neuralgpu.training.objective import Examples
from neuralgpu.training.padding import padded_length

_LENGTH_STREAM = 0x4C454E
_DATA_STREAM = 0x444154
Item = TypeVar("Item")


def step_draws(
    config: RunConfig, tasks: Sequence[Task], states: Sequence[CurriculumState | None], step: int
) -> list[list[Draw]]:
    """Returns each seed's task and lengths of a step (counted from 0); none for a seed that rests (None).

    All seeds push the same uniforms through their own distributions, so their lengths move together.
    """
    valid = [task.valid_length for task in tasks]

    @cache
    def of_state(state: CurriculumState) -> list[Draw]:
        uniforms = np.random.default_rng([_LENGTH_STREAM, step])
        return draw(config.curriculum, state, valid, uniforms, config.batch)

    return [[] if state is None else of_state(state) for state in states]


def step_examples(
    config: RunConfig, tasks: Sequence[Task], seeds: Sequence[int], draws: Sequence[list[Draw]], step: int
) -> tuple[Examples, ...]:
    """Samples a step's inputs, one entry a bucket, with the seeds along the leading axis.

    The inputs depend on the seed's number and the step alone: nothing but these two is the random state of a run.

    Args:
        config: the settings.
        tasks: what the draws refer to.
        seeds: numbers of the seeds.
        draws: what each seed has drawn; a seed that rests has nothing.
        step: number of the step, from 0.
    """
    generators = [np.random.default_rng([_DATA_STREAM, seed, step]) for seed in seeds]
    buckets: list[Examples] = []
    for of_seeds in zip_longest(*draws):
        padded = padded_length(config, of_seeds)
        filled = [
            _fill(tasks, of_seed or Draw(0, padded, {}), padded, config.batch, rng)
            for of_seed, rng in zip(of_seeds, generators, strict=True)
        ]
        grids, targets, example_seeds = zip(*filled, strict=True)
        own = [of_seed.bucket if of_seed else padded for of_seed in of_seeds]
        buckets.append(
            Examples(
                np.stack(grids),
                np.stack(targets),
                np.stack(example_seeds),
                np.array(own, np.float32),
                np.array([config.model.steps_of(bucket, bucket) for bucket in own], np.int32),
                np.array([of_seed is not None for of_seed in of_seeds], np.float32),
                np.array([of_seed.task if of_seed else 0 for of_seed in of_seeds], np.int32),
            )
        )
    return tuple(buckets)


def _fill(
    tasks: Sequence[Task], of_seed: Draw, padded: int, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns grids, targets and seeds of a bucket; all padding where the draw holds no examples."""
    task = tasks[of_seed.task]
    grids = np.zeros((count, padded, max(task.rows for task in tasks)), np.int32)
    targets = np.zeros((count, padded), np.int32)
    filled = 0
    for length, examples in of_seed.lengths.items():
        batch = task.sample(rng, length, examples)
        grids[filled : filled + examples, :length, : task.rows] = batch.grid
        targets[filled : filled + examples, :length] = batch.target
        filled += examples
    return grids, targets, rng.integers(0, 2**32, count, dtype=np.uint32)


@contextmanager
def made_ahead(make: Callable[[int], Item], steps: range, ahead: int = 4) -> Iterator[Iterator[Item]]:
    """Yields `make(step)` for every step, computed in a thread a few steps ahead of their use.

    An error in the thread is raised where the item would have been taken. Leaving the context stops the thread.
    """
    ready: queue.Queue[Item | BaseException] = queue.Queue(maxsize=ahead)
    stopped = threading.Event()

    def offer(item: Item | BaseException) -> None:
        while not stopped.is_set():
            try:
                return ready.put(item, timeout=0.1)
            except queue.Full:
                continue

    def work() -> None:
        try:
            for step in steps:
                if stopped.is_set():
                    return
                offer(make(step))
        except BaseException as error:  # handed to the consumer, which raises it
            offer(error)

    def take() -> Iterator[Item]:
        for _ in steps:
            item = ready.get()
            if isinstance(item, BaseException):
                raise item
            yield item

    thread = threading.Thread(target=work, name="examples", daemon=True)
    thread.start()
    try:
        yield take()
    finally:
        stopped.set()
        thread.join()
