"""What the settings of a Hexo blog say of its notes: those of a tag that has a password are private.

    encrypt:                     # hexo-blog-encrypt, in _config.yml
      tags:
        - {name: 日记, password: …}
"""

from functools import lru_cache
from pathlib import Path

from kb.markdown.engine import BadInput
from kb.notes.front_matter import read_meta

SETTINGS = "_config.yml"


def is_encrypted(source: Path, meta: dict) -> bool:
    """Whether a note with this front matter has such a tag. Raises BadInput."""
    tags = meta.get("tags")
    written = tags if isinstance(tags, list) else [tags]
    names = {name for name in written if isinstance(name, str)}
    folders = (folder for folder in source.resolve().parents if folder.name == "source")
    return any(names & encrypted_tags(folder.with_name(SETTINGS)) for folder in folders)


@lru_cache(maxsize=8)
def encrypted_tags(settings: Path) -> frozenset[str]:
    """Raises BadInput where they can't be read, but say something of it."""
    try:
        text = settings.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return frozenset()
    try:
        encrypt = read_meta(text, str(settings)).get("encrypt")
    except BadInput:
        if "encrypt" not in text:
            return frozenset()
        raise BadInput(
            f"{settings}：不是正确的 YAML，看不出它的 encrypt 给哪些标签设了密码，没有收。改正后再添加。"
        ) from None
    tags = encrypt.get("tags") if isinstance(encrypt, dict) else None
    found = [tag.get("name") for tag in tags if isinstance(tag, dict)] if isinstance(tags, list) else []
    return frozenset(name for name in found if isinstance(name, str))
