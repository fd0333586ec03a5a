"""What a seed's log says of an epoch."""

from collections.abc import Iterator, Sequence
from typing import Any

from neuralgpu.config import RunConfig
from neuralgpu.tasks import Task
from neuralgpu.training.controls import Controls, EpochStatistics, epoch_told, learning_rate
from neuralgpu.training.standing import Standing


def epoch_events(
    config: RunConfig,
    tasks: Sequence[Task],
    before: Controls,
    after: Controls,
    statistics: list[EpochStatistics | None],
    standing: Standing,
) -> Iterator[dict[str, Any]]:
    """Yields the events of a seed's epoch: the task being learned, and what the epoch's end changed for any task.

    Args:
        config: the run's settings.
        tasks: the run's tasks.
        before: the seed's controls during the epoch.
        after: the seed's controls from now on.
        statistics: the epoch's, one a task, None for a task without examples.
        standing: the run's progress at the epoch's end.
    """
    was, now = before.curriculum, after.curriculum
    told, means = epoch_told(was, statistics)
    others = {
        task.name: {"length": state.length, "sequence_error": of_task.sequence_error}
        for number, (task, state, of_task) in enumerate(zip(tasks, was.tasks, statistics, strict=True))
        if of_task is not None and number != told
    }
    yield {
        "event": "progress",
        "task": tasks[told].name,
        "length": was.tasks[told].length,
        "loss": means.loss,
        "sequence_error": means.sequence_error,
        "solved": was.solved,
        **({"others": others} if others else {}),
        "learning_rate": learning_rate(config, before, standing.step - 1),
        "padding_waste": round(standing.epoch_padding.waste, 4),
        "seconds": round(standing.seconds, 2),
        "steps_per_second": round(standing.step / standing.seconds, 3),
    }
    for task, old, new in zip(tasks, was.tasks, now.tasks, strict=True):
        if len(tasks) > 1 and new.solved and not old.solved:
            yield {"event": "solved", "task": task.name}
    if before.learned_at is None and after.learned_at is not None:
        yield {"event": "learned"}
    if after.attempt > before.attempt:
        yield {"event": "restart", "length": was.length}
