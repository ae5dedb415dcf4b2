"""Sphinx: MyST Markdown, the API from docstrings, no network."""

import agora_rec

project = "agora_rec"
author = "The agora_rec founders"
project_copyright = "The agora_rec founders"
version = release = agora_rec.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build", "parts"]
html_theme = "furo"
html_title = f"agora_rec {version}"

myst_enable_extensions = ["colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 3

autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
autodoc_member_order = "bysource"
autodoc_class_signature = "separated"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
default_role = "code"

nitpicky = True
