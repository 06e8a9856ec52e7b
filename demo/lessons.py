"""What the page teaches: what the families do, out of their own docstrings."""

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
class Lesson:
    """What a docstring says.

    Args:
        title: its first sentence.
        formula: the first indented block, as it stands; empty if there is none.
        rest: what follows, (text, whether it is a formula) each.
        references: one each.
    """

    title: str
    formula: str
    rest: tuple[tuple[str, bool], ...]
    references: tuple[str, ...]


def lesson_of(doc: str) -> Lesson:
    r"""The parts of a docstring.

    >>> lesson_of("A toy.\n\n    x = z\n\nIt is quick.\n\nReferences:\n    Ada, 1843.").formula
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
    return Lesson(title, formula, tuple(parts), tuple(joined.splitlines()))


@functools.cache
def families() -> list[tuple[FamilyInfo, Lesson]]:
    """All families, built in or from plugins, each with what its module or class says of itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a family that fails has its reason in `error`
        infos = list_families()
    return [(info, _lesson(info)) for info in infos]


def families_html(current: str) -> str:
    """A card per family; that of the current model is open."""
    ordered = sorted(families(), key=lambda one: one[0].name != current)
    return "".join(_card(info, lesson, info.name == current) for info, lesson in ordered)


def _lesson(info: FamilyInfo) -> Lesson:
    if info.error:
        return Lesson(info.error, "", (), ())
    family = get_family(info.name)
    module = sys.modules[family.__module__].__doc__ or ""
    return lesson_of(module if len(module) > len(family.__doc__ or "") else family.__doc__ or "")


def _card(info: FamilyInfo, lesson: Lesson, current: bool) -> str:
    can = [("encodes recordings", info.encode), ("exact likelihood", info.log_prob)]
    can.append(("lower bound of the likelihood", info.elbo))
    chips = " ".join(f"<span class='dgm-can'>{text}</span>" for text, has in can if has)
    here = "<span class='dgm-badge'>of this model</span>" if current else ""
    formula = f"<pre>{html.escape(lesson.formula)}</pre>" if lesson.formula else ""
    rest = "".join(
        f"<pre>{html.escape(text)}</pre>" if is_formula else f"<p>{_prose(text)}</p>"
        for text, is_formula in lesson.rest
    )
    items = "".join(f"<li>{html.escape(one)}</li>" for one in lesson.references)
    more = rest + (f"<ul>{items}</ul>" if items else "")
    package = "" if info.package == "dgm_audio" else f" · {html.escape(info.package)}"
    return (
        f"<details class='dgm-family' {'open' if current else ''}>"
        f"<summary><b>{html.escape(info.name)}</b>{package} {here}"
        f"<span>{_prose(lesson.title)}</span></summary>{formula}<p>{chips}</p>{more}</details>"
    )


def _prose(text: str) -> str:
    """Text of a docstring, its `code` marked."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))
