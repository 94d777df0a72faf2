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
KANA, STROKE = "[ぁ-ゖァ-ヺ]", "[ニノロカタエハトヘー一丨丶丿〇]"
STROKES = re.compile(rf"(?<!{KANA})(?:(?<=[0-9A-Za-z_]){STROKE}|{STROKE}(?=[0-9A-Za-z_]))(?!{KANA})")
"""Letters that one takes for a sign or for another letter beside an ASCII one, but not beside kana."""
LEFTWARDS = {"R", "AL", "AN"}
"""Bidirectional classes of what is written from the right, and turns round what stands about it."""
FAR = re.compile(r"\S[ \t]{60,}\S")
"""Something so far to the right that nobody sees it."""


def check_characters(text: str, shown_as: str) -> None:
    """Raises BadInput about the first character that doesn't show what it is."""
    text = text.replace("\r\n", "\n")
    if found := HIDDEN.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise BadInput(
            f"{shown_as}:{line}：有一个看不见、或者会改变显示次序的字符（U+{ord(found[0]):04X}"
            f"{name_of(found[0])}）。删去它；要用在字符串里，写成 \\u{ord(found[0]):04x}。"
        )
    if turning := {each for each in set(text) if unicodedata.bidirectional(each) in LEFTWARDS}:
        each = min(turning, key=text.index)
        line = text.count("\n", 0, text.index(each)) + 1
        raise BadInput(
            f"{shown_as}:{line}：{each}（U+{ord(each):04X}{name_of(each)}）从右往左写，它旁边的字"
            f"显示的次序会变。要用在字符串里，写成 \\u{ord(each):04x}。"
        )
    if found := FAR.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise BadInput(f"{shown_as}:{line}：很长一段空白以后还有字，在页面上看不到。写到下一行。")
    foreign = {each for each in set(text) if not each.isascii() and f"a{each}".isidentifier()}
    if all(map(is_itself, foreign)) and not STROKES.search(text):
        return
    for word, line in words_of(text):
        if found := STROKES.search(word):
            raise BadInput(f"{shown_as}:{line}：名字 {word} 里的 {found[0]} 容易看成别的符号。换一个名字。")
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
