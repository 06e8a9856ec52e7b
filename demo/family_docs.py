"""Descriptions of the families, from their docstrings, for the Learn tab."""

from __future__ import annotations

import functools
import html
import inspect
import re
import sys
import textwrap
import warnings
from dataclasses import dataclass

from dgm_audio.registry import FamilyInfo, get_family, list_families

_REFERENCES = "References:"


@dataclass(frozen=True)
class FamilyDoc:
    """The parts of a family's docstring.

    Args:
        title: the first paragraph.
        formula: the first indented block, verbatim; empty if there is none.
        rest: the other blocks, each (text, whether it is a formula).
        references: one entry per reference.
    """

    title: str
    formula: str
    rest: tuple[tuple[str, bool], ...]
    references: tuple[str, ...]


def parse_docstring(doc: str) -> FamilyDoc:
    r"""Split a docstring into its parts.

    >>> parse_docstring("A toy.\n\n    x = z\n\nQuick.\n\nReferences:\n    Ada, 1843.").formula
    'x = z'
    """
    text, _, sources = inspect.cleandoc(doc).partition(_REFERENCES)
    blocks = [block.strip("\n") for block in re.split(r"\n\s*\n", text) if block.strip()]
    title = " ".join(blocks[0].split()) if blocks else ""
    parts = [(textwrap.dedent(one), one.startswith("    ")) for one in blocks[1:]]
    parts = [
        (one if is_formula else " ".join(one.split()), is_formula) for one, is_formula in parts
    ]
    first = next((place for place, (_, is_formula) in enumerate(parts) if is_formula), None)
    formula = parts.pop(first)[0] if first is not None else ""
    joined = re.sub(r"\n\s{2,}", " ", textwrap.dedent(sources).strip("\n"))
    return FamilyDoc(title, formula, tuple(parts), tuple(joined.splitlines()))


@functools.cache
def documented_families() -> list[tuple[FamilyInfo, FamilyDoc]]:
    """All families, built in or from plugins, each with its parsed docstring."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a family that fails has its reason in `error`
        infos = list_families()
    return [(info, _family_doc(info)) for info in infos]


def families_html(current: str) -> str:
    """One card per family; the current model's family comes first and is open."""
    ordered = sorted(documented_families(), key=lambda one: one[0].name != current)
    return "".join(_card(info, doc, info.name == current) for info, doc in ordered)


def _family_doc(info: FamilyInfo) -> FamilyDoc:
    if info.error:
        return FamilyDoc(info.error, "", (), ())
    family = get_family(info.name)
    module = sys.modules[family.__module__].__doc__ or ""
    own = family.__doc__ or ""
    return parse_docstring(module if len(module) > len(own) else own)


def _card(info: FamilyInfo, doc: FamilyDoc, current: bool) -> str:
    can = [("encodes recordings", info.encode), ("exact likelihood", info.log_prob)]
    can.append(("lower bound of the likelihood", info.elbo))
    chips = " ".join(f"<span class='dgm-can'>{text}</span>" for text, has in can if has)
    here = "<span class='dgm-badge'>of this model</span>" if current else ""
    formula = f"<pre>{html.escape(doc.formula)}</pre>" if doc.formula else ""
    rest = "".join(
        f"<pre>{html.escape(text)}</pre>" if is_formula else f"<p>{_prose(text)}</p>"
        for text, is_formula in doc.rest
    )
    items = "".join(f"<li>{html.escape(one)}</li>" for one in doc.references)
    more = rest + (f"<ul>{items}</ul>" if items else "")
    package = "" if info.package == "dgm_audio" else f" · {html.escape(info.package)}"
    return (
        f"<details class='dgm-family' {'open' if current else ''}>"
        f"<summary><b>{html.escape(info.name)}</b>{package} {here}"
        f"<span>{_prose(doc.title)}</span></summary>{formula}<p>{chips}</p>{more}</details>"
    )


def _prose(text: str) -> str:
    """A paragraph as HTML, with `code` in code tags."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))
