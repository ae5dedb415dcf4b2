"""Sphinx: MyST Markdown, the API from docstrings, no network."""

import sys
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

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
myst_heading_anchors = 3

autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
autodoc_member_order = "bysource"
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_custom_sections = [
    (name, "params_style")
    for name in ("Times", "Limits", "The world", "Ways to play")  # of emulator.Settings
]
default_role = "code"

nitpicky = True
# Other projects' names can't be resolved without the network; ours must be.
nitpick_ignore_regex = [("py:.*", r"(?!agora_rec\.).*")]


def resolve_own_name(
    app: Sphinx, environment: BuildEnvironment, reference: addnodes.pending_xref, content: nodes.TextElement
) -> nodes.Node | None:
    """Lead a name from where it is defined to where it is promised (`model.modes.Mix` to `agora_rec.Mix`).

    A name that exists and isn't promised is shown without a link; one that doesn't exist stays an error.
    """
    target: str = reference.get("reftarget", "")
    module, _, name = target.rpartition(".")
    if not target.startswith("agora_rec."):
        return None
    domain: Any = environment.get_domain("py")
    for home in ("agora_rec", "agora_rec.emulator", "agora_rec.notifications", "agora_rec.telemetry"):
        promised = f"{home}.{name}"
        if target != promised and promised in domain.objects:
            found: nodes.Node | None = domain.resolve_xref(
                environment, reference["refdoc"], app.builder, "obj", promised, reference, content
            )
            return found
    return content if hasattr(sys.modules.get(module), name) else None


def keep_sentences(_: Sphinx, what: str, *rest: Any) -> None:
    """Keep napoleon from taking "this: that" in the docstring of an attribute for "its type: its meaning"."""
    lines: list[str] = rest[-1]
    if what in {"attribute", "data", "property"} and any(lines):
        lines.insert(0, "\\")  # of the escaped end of a line nothing is seen


def setup(app: Sphinx) -> None:
    """Register the resolver, and what has to see docstrings before napoleon does."""
    app.connect("missing-reference", resolve_own_name)
    app.connect("autodoc-process-docstring", keep_sentences, priority=400)
