"""Which tasks and lengths are trained on when: frozen settings, a pure state, draw and update."""

from neuralgpu.curriculum.config import CurriculumConfig, Moves, parse_curriculum
from neuralgpu.curriculum.lengths import TaskState, ValidLength, longest
from neuralgpu.curriculum.state import CurriculumState, Draw, complete, draw, initial_state, starts_over, update

__all__ = [
    "CurriculumConfig",
    "CurriculumState",
    "Draw",
    "Moves",
    "TaskState",
    "ValidLength",
    "complete",
    "draw",
    "initial_state",
    "longest",
    "parse_curriculum",
    "starts_over",
    "update",
]
