"""How Sphinx builds this documentation."""

import os
import subprocess
import sys
from pathlib import Path

import neuralgpu
from neuralgpu.cli.app import COMMANDS

project = "neuralgpu"
author = "The neuralgpu authors"
version = release = neuralgpu.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc"]
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3
exclude_patterns = ["_build", "gallery/**", "paper/**"]
nitpicky = True
nitpick_ignore_regex = [
    (
        "py:.*",
        r"(typing\.|collections\.|tuple|numpy|ndarray|jax|Literal|CurriculumConfig|ModelConfig|OptimiserConfig).*",
    )
]
autodoc_member_order = "bysource"
autodoc_class_signature = "separated"
autodoc_typehints_format = "short"

html_theme = "furo"
html_title = f"neuralgpu {release}"


def write_command_help(page: Path) -> None:
    """Writes every command's own help text to a page, so that the page cannot be out of date."""
    sections = ["# Commands", "", "What `neuralgpu COMMAND --help` prints."]
    for name in ("", *COMMANDS):
        call = name.split()
        printed = subprocess.run(
            [sys.executable, "-c", "from neuralgpu.cli import main; main()", *call, "--help"],
            env={**os.environ, "COLUMNS": "100"},
            capture_output=True,
            text=True,
            check=True,
        )
        sections += ["", f"## neuralgpu {name}".rstrip(), "", "```text", printed.stdout.strip(), "```"]
    page.parent.mkdir(exist_ok=True)
    page.write_text("\n".join(sections) + "\n", encoding="utf-8")


write_command_help(Path(__file__).parent / "_generated" / "commands.md")
