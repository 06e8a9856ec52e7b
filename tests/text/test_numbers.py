import pytest

from dgm_audio.text.numbers import read_out


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("es", "marque 0, 22 o 500", "marque cero, veintidós o quinientos"),
        ("fr", "le 71", "le soixante et onze"),
        ("it", "3,05", "tre virgola zero cinque"),
        ("ru", "101", "сто один"),
        ("ru", "12345678", "один два три четыре пять шесть семь восемь"),
        ("en", "10.0.0.1", "ten point zero point zero point one"),
        ("en", "$0.01 and £0.02", "one cent and two pence"),
        ("en", "0:15 and 22:00", "zero fifteen and twenty two hundred"),
        ("en", "2001", "two thousand and one"),
        ("en", "MP3 and 3D", "MP three and three D"),
        ("en", "no number", "no number"),
    ],
)
def test_numbers_are_read_out(language, text, expected):
    assert read_out(text, language) == expected
