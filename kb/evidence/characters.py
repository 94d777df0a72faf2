"""Code shows what it is: no character in it hides, turns round or passes for another.

Unicode's control and format characters (bidirectional overrides, zero-width ones) make the page
show other code than Python runs; letters of other alphabets that look like Latin ones make two names
look like one. Chinese, Japanese and Korean names, and Greek letters that look like themselves, are
names like any other.
"""

import io
import re
import tokenize
import unicodedata

from kb.markdown.engine import BadInput

HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u2028-\u202f\u205f-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff"
    "\U000e0000-\U000e0fff]"
)
GREEK = frozenset("αβγδεζηθλμξπσφχψωΓΔΘΛΞΠΣΦΨΩ")
CJK = ("CJK ", "HIRAGANA ", "KATAKANA ", "HANGUL ")


def check_characters(text: str, shown_as: str) -> None:
    """Raises BadInput about the first character that doesn't show what it is."""
    text = text.replace("\r\n", "\n")
    if found := HIDDEN.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise BadInput(
            f"{shown_as}:{line}：有一个看不见、或者会改变显示次序的字符（U+{ord(found[0]):04X}"
            f"{name_of(found[0])}）。删去它；要用在字符串里，写成 \\u{ord(found[0]):04x}。"
        )
    foreign = {each for each in set(text) if not each.isascii() and f"a{each}".isidentifier()}
    if all(map(is_itself, foreign)):
        return
    for word, line in words_of(text):
        for letter in word:
            if not letter.isascii() and not is_itself(letter):
                raise BadInput(
                    f"{shown_as}:{line}：名字 {word} 里的 {letter}（U+{ord(letter):04X}"
                    f"{name_of(letter)}）容易看成别的字母。换成 ASCII 字母。"
                )


def words_of(text: str) -> list[tuple[str, int]]:
    """The names in it, with their lines; none where Python can't read it."""
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (tokenize.TokenError, SyntaxError):
        return []
    return [(each.string, each.start[0]) for each in tokens if each.type == tokenize.NAME]


def is_itself(letter: str) -> bool:
    """Whether nobody takes it for another letter."""
    name = unicodedata.name(letter, "")
    plain = unicodedata.normalize("NFKC", letter) == letter
    return plain and (letter in GREEK or name.startswith(CJK))


def name_of(character: str) -> str:
    name = unicodedata.name(character, "")
    return f" {name}" if name else ""
