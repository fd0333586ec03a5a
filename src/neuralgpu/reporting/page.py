"""What every report is made with: templates, figures with captions, and how a page is written."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

import jinja2
from markupsafe import Markup
from matplotlib.figure import Figure

from neuralgpu.disk import partial_of, replace_file
from neuralgpu.errors import StorageError
from neuralgpu.reporting.axes import inline_svg

TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader("neuralgpu.reporting"),
    autoescape=lambda name: name is None or not name.endswith(".md.j2"),
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True)
class Exhibit:
    """A figure of a report."""

    heading: str
    svg: Markup
    caption: str


def exhibit(heading: str, figure: Figure, caption: str) -> Exhibit:
    """Renders a figure for a page."""
    # Markup: the SVG is ours, and Matplotlib escapes the text in it.
    return Exhibit(heading, Markup(inline_svg(figure, heading.lower().replace(" ", "-"))), caption)


def write_page(path: Path, text: str) -> Path:
    """Writes a report; whoever opens the file finds the old one or the new one.

    Raises:
        StorageError: the disk refused.
    """
    try:
        replace_file(path, text.encode(errors="backslashreplace"))
    except OSError as error:
        with contextlib.suppress(OSError):
            partial_of(path).unlink()
        raise StorageError(
            f"{path} cannot be written ({error.strerror}); make room or make {path.parent} writable, "
            "then write it again."
        ) from error
    return path
