"""The licences that notes are published under: how they are written, and where their text is.

    cc-by-nc-sa 4.0, https://creativecommons.org/licenses/by-nc-sa/4.0/  →  CC BY-NC-SA 4.0

A licence that isn't known here is shown as it is written, and so is every one that has a word
more: `CC BY 4.0，禁止商用`, `not MIT`.
"""

import re

CREATIVE_COMMONS = "https://creativecommons.org"
KINDS = ("by", "by-sa", "by-nd", "by-nc", "by-nc-sa", "by-nc-nd")
VERSIONS = ("1.0", "2.0", "2.5", "3.0", "4.0")
SAME = (
    (r"https?://(www\.)?creativecommons\.org/(licenses|publicdomain)/", "cc "),
    (r"/(deed|legalcode)(\.[a-z-]+)?/?$", ""),
    (r"creative commons|知识共享", "cc "),
    (r"attribution|署名", " by "),
    (r"non-?commercial|非商业性?(使用)?", " nc "),
    (r"share-?alike|相同方式共享", " sa "),
    (r"no-?deriv\w*|禁止演绎", " nd "),
    (r"\b(international|unported|universal|licen[cs]e|the)\b|国际(许可协议|版)?|许可(协议|证)", " "),
    (r"v(?=\d)", " "),
    (r"[\s_/(),:-]+", "-"),
)
"""Ways of writing the same, one after another."""

DEEDS = {
    "mit": ("MIT", "https://opensource.org/license/mit"),
    "apache-2.0": ("Apache 2.0", "https://www.apache.org/licenses/LICENSE-2.0"),
    "cc0": ("CC0 1.0", f"{CREATIVE_COMMONS}/publicdomain/zero/1.0/deed.zh-hans"),
    "unlicense": ("Unlicense", "https://unlicense.org/"),
}
DEEDS |= dict.fromkeys(("cc0-1.0", "cc-zero-1.0", "cc-zero"), DEEDS["cc0"])
for kind in KINDS:
    for version in VERSIONS:
        DEEDS[f"cc-{kind}-{version}"] = (
            f"CC {kind.upper()} {version}",
            f"{CREATIVE_COMMONS}/licenses/{kind}/{version}/deed.zh-hans",
        )


def read_licence(written: str) -> tuple[str, str | None]:
    """Its name, and the address of its text or None."""
    key = written.lower()
    for pattern, same in SAME:
        key = re.sub(pattern, same, key)
    key = key.strip("-.")
    return DEEDS.get(key) or DEEDS.get(f"cc-{key}") or (written, None)
