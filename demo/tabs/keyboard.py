"""Keyboard: not built yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..page import Page


def build(page: Page) -> None:
    """Nothing yet."""
