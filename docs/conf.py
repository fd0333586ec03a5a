"""How Sphinx builds this documentation."""

import neuralgpu

project = "neuralgpu"
author = "The neuralgpu authors"
version = release = neuralgpu.__version__

extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
nitpicky = True

html_theme = "furo"
html_title = f"neuralgpu {release}"
