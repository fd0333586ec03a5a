"""The tasks of a run as training draws from them; without JAX, for processes that do nothing but draw."""

from dataclasses import replace

from neuralgpu.config import RunConfig
from neuralgpu.tasks import Addition, find_task
from neuralgpu.tasks.task import Task


def training_tasks(config: RunConfig) -> tuple[Task, ...]:
    """Returns a run's tasks; sums with the shares of carry runs and repeated digits that the settings ask for."""
    shares = {"carry_share": config.carry_share, "repeat_share": config.repeat_share}
    return tuple(
        replace(task, **shares) if isinstance(task, Addition) else task for task in map(find_task, config.tasks)
    )
