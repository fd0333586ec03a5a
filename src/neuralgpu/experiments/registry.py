"""Finds experiments by name."""

from neuralgpu.errors import UserError, unknown_name
from neuralgpu.experiments import (
    figure_2,
    figure_3,
    figure_4,
    figure_5,
    figure_6,
    figure_7,
    prose,
    table_1,
    table_2,
    table_3,
)
from neuralgpu.experiments.experiment import SCALES, Experiment, Scale

ALL = "all"
_IN_ORDER = (figure_2, figure_3, figure_4, figure_5, figure_6, figure_7, table_1, table_2, table_3, prose)
EXPERIMENTS: dict[str, Experiment] = {module.EXPERIMENT.name: module.EXPERIMENT for module in _IN_ORDER}
"""In the paper's order, figures first."""
_CHEAPEST_FIRST = ("table1", "fig6", "fig7", "fig2", "prose", "fig5", "fig4", "table3", "fig3", "table2")


def chosen(name: str) -> list[Experiment]:
    """Returns the experiment of a name, or all of them, those that cost little and say much first.

    Raises:
        UserError: there is no such experiment.
    """
    if name == ALL:
        return [EXPERIMENTS[one] for one in _CHEAPEST_FIRST]
    if name not in EXPERIMENTS:
        raise unknown_name("experiment", name, [*EXPERIMENTS, ALL, "report"])
    return [EXPERIMENTS[name]]


def find_scale(name: str) -> Scale:
    """Returns the scale of a name.

    Raises:
        UserError: there is no such scale.
    """
    for scale in SCALES:
        if name == scale:
            return scale
    raise unknown_name("scale", name, SCALES) if name else UserError("--scale is empty; use smoke, laptop or paper.")
