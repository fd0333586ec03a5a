"""Settings of the curriculum."""

from dataclasses import dataclass
from typing import Any, Literal

from neuralgpu.errors import UserError

Moves = Literal["revisit_all", "revisit_all_and_shrink", "in_order", "revisit_unsolved", "unsolved_then_last", "mixed"]
"""How a chain of tasks moves between them; a step's inputs are all of one task.

A task is solved once an epoch's error on its longest inputs is not above `advance_below`. The task being learned is the
first that is not solved. The first five are the published ways, 1 to 5.

- revisit_all: the task being learned, now and then any task. Any task once all are solved.
- revisit_all_and_shrink: the same, and a task whose error at its longest inputs is above `shrink_above` goes back to
  the next shorter ones and is not solved.
- in_order: the task being learned only. The last task once all are solved.
- revisit_unsolved: the task being learned, now and then any other that is not solved. Any task once all are solved.
- unsolved_then_last: the same, but the last task only once all are solved (the paper's).
- mixed: any task, from the start to the end.
"""


@dataclass(frozen=True, kw_only=True)
class CurriculumConfig:
    """How lengths are chosen; the defaults are the published growth of the length."""

    kind: Literal["growth", "buckets"] = "growth"
    """'growth': one length a step, the longest of them growing (paper). 'buckets': a batch of every open bucket in
    every step (Freivalds & Liepins 2017, whose buckets are all open from the start)."""
    max_length: int = 41
    """No training input is longer, in symbols."""
    min_length: int = 5
    """growth: shortest length drawn."""
    start_length: int = 8
    """growth: longest length drawn at the start. buckets: the buckets up to this one are open at the start."""
    advance_below: float = 0.15
    """Move on to the next valid length, or open the next bucket, when sequence error over an epoch is not above this;
    for buckets it is the error of the longest open one."""
    prefer_longer: float = 0.6
    """growth: chance of taking the longer of two draws."""
    any_length: float = 0.25
    """growth: chance of taking a draw from all lengths up to max_length where that is longer."""
    buckets: tuple[int, ...] = (8, 12, 16, 20, 24, 28, 32, 36, 40, 48, 64, 128)
    """Padded lengths, rising. For a model that does not depend on padding they set the published scales of loss and
    dropout alone, and steps are compiled for closer lengths."""
    proving_bucket: int = 0
    """buckets: who has learned the algorithm and not its inputs by heart passes a bucket soon after it opens. A seed
    that does not, with this one or a longer one that is not the last, starts over with new weights. 0: never."""
    proving_epochs: int = 2
    """buckets: number of epochs that a seed has for a proving bucket."""
    shorter_share: float = 0.0
    """buckets: share of the inputs whose length is drawn evenly from all that fit; the others are the longest."""
    tasks: tuple[str, ...] = ()
    """The tasks of a chain or a mixture, each with a length of its own; the last one is the run's task. Empty: that one
    alone."""
    moves: Moves = "unsolved_then_last"
    """How a chain moves from task to task. 'mixed': every task with the same chance in every step."""
    revisit_share: float = 0.2
    """Chance that a step's task is drawn evenly from those that `moves` allows, instead of being the one learned."""
    shrink_above: float = 0.01
    """revisit_all_and_shrink: bound on the error at a task's longest inputs."""

    def __post_init__(self) -> None:
        if list(self.buckets) != sorted(set(self.buckets)) or not self.buckets or self.buckets[0] < 1:
            raise UserError(f"curriculum.buckets must be rising lengths, got {list(self.buckets)}.")
        if not 1 <= self.min_length <= self.start_length <= self.max_length:
            raise UserError(
                "curriculum lengths must satisfy min_length <= start_length <= max_length, "
                f"got {self.min_length}, {self.start_length}, {self.max_length}; set those that are in the way, too."
            )
        if self.kind == "growth" and self.max_length > self.buckets[-1]:
            raise UserError(
                f"curriculum.max_length {self.max_length} exceeds the largest bucket {self.buckets[-1]}; "
                "add a bucket with --set 'curriculum.buckets=[..., N]'."
            )
        if len(set(self.tasks)) < len(self.tasks):
            raise UserError(f"curriculum.tasks names a task twice: {', '.join(self.tasks)}.")
        for name in ("advance_below", "prefer_longer", "any_length", "shorter_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise UserError(f"curriculum.{name} must lie between 0 and 1, got {getattr(self, name)}.")

    @property
    def training_buckets(self) -> tuple[int, ...]:
        """The buckets up to the one that holds max_length."""
        return tuple(b for b, below in zip(self.buckets, (0, *self.buckets), strict=False) if below < self.max_length)

    def bucket_of(self, length: int) -> int:
        """Returns the smallest bucket that holds a length."""
        return next(bucket for bucket in self.buckets if bucket >= length)


def parse_curriculum(text: str) -> dict[str, Any]:
    """Turns "bmul > qmul > mul", a chain, or "badd + bmul", a mixture, into settings of the curriculum.

    >>> parse_curriculum("bmul > mul"), parse_curriculum("badd + bmul")
    ({'tasks': ['bmul', 'mul']}, {'tasks': ['badd', 'bmul'], 'moves': 'mixed'})

    Raises:
        UserError: a name is missing, or both signs are used.
    """
    names = [name.strip() for name in text.replace("+", ">").split(">")]
    if not all(names) or (">" in text and "+" in text):
        raise UserError(
            f"--curriculum takes a chain such as 'bmul > qmul > mul' or a mixture such as 'badd + bmul', got {text!r}."
        )
    return {"tasks": names, "moves": "mixed"} if "+" in text else {"tasks": names}
