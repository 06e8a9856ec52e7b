"""File names: whatever the names of models, files and classes, a plain name in the folder."""

import re

from hypothesis import given
from hypothesis import strategies as st

from dgm_audio.apps.file_names import file_name, slug


@given(st.text(min_size=1), st.lists(st.text() | st.integers(0, 10**6), max_size=3))
def test_a_file_name_is_one_visible_name(model, parts):
    name = file_name(model, *parts)
    assert re.fullmatch(r"[\w.-]+", name) and not name.startswith((".", "-"))
    assert len(name) <= 4 * 61 + len(".wav")


@given(st.text())
def test_a_slug_is_its_own_slug(text):
    assert slug(slug(text)) == slug(text)
