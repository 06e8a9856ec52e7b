"""One module per tab, each with `build(page)`, which runs inside the tab."""

from collections.abc import Callable

from ..page_context import PageContext
from . import compare, keyboard, learn, map, morph, sample, transform

TABS: dict[str, Callable[[PageContext], None]] = {
    "Sample": sample.build,
    "Morph": morph.build,
    "Map": map.build,
    "Transform": transform.build,
    "Keyboard": keyboard.build,
    "Compare": compare.build,
    "Learn": learn.build,
}
"""Name of each tab -> its `build`."""
