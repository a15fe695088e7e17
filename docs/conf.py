"""Sphinx configuration: Markdown sources, furo theme, warnings are errors."""

from __future__ import annotations

project = "Tapeline"
author = "The Tapeline developers"
project_copyright = "The Tapeline developers"
extensions = ["myst_parser"]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "Tapeline"
