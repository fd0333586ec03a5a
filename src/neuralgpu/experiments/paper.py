"""The paper's numbers, from the one file that holds them."""

import tomllib
from functools import cache
from importlib import resources
from typing import Any


@cache
def paper_numbers() -> dict[str, Any]:
    """Returns the tables of paper.toml by their names."""
    return tomllib.loads(resources.files("neuralgpu").joinpath("experiments", "paper.toml").read_text("utf-8"))


def paper(table: str) -> dict[str, Any]:
    """Returns one table, such as 'figure-6'."""
    return paper_numbers()[table]
