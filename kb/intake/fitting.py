"""What a picture may be called below `docs/`, and what may be in it: each says why not, or None."""

import re
import unicodedata

from kb.pictures.svg import what_runs

PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp", ".bmp", ".avif", ".ico")
ATTACHMENTS = tuple(
    ".pdf .zip .7z .rar .tar .gz .bz2 .xz .docx .doc .pptx .ppt .xlsx .xls .csv .tsv .ipynb .epub "
    ".mp3 .wav .ogg .m4a .mp4 .webm .mov .bib .tex .npy .npz".split()
)
"""What a link may lead to that lies beside a note; nothing that a browser would run."""
TEXTS = tuple(
    ".py .ipynb .js .ts .c .h .cc .cpp .hpp .java .go .rs .rb .php .lua .r .m .jl .kt .swift .cs .sh .bat "
    ".ps1 .sql .json .yml .yaml .toml .ini .conf .css .txt .csv .cu .tex .proto .cmake .vue .jsx .tsx".split()
)
"""What a note may show the text of."""
LONGEST = 255
"""Bytes of one step of a path."""

FORBIDDEN = re.compile(r'[<>:"|?*\\\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]')
DEVICE = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³])\s*(?:\.|$)", re.IGNORECASE
)
OURS = {"assets", "search"}
"""Folders of the site that hold files of the theme and of ours."""
OUR_ICONS = ("favicon.", "apple-touch-icon")
FILES = re.compile(r"\.(?:html?|xml|gz|json|md|txt|js|css|map)$", re.IGNORECASE)
"""Ends of names that a build gives to files; a folder of such a name would be in their way."""

RASTER = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"BM")


def name_problem(path: str) -> str | None:
    """`path` is where it would be below `docs/`."""
    steps = path.split("/")
    for step in steps:
        if FORBIDDEN.search(step) or step != step.rstrip(" .") or DEVICE.match(step):
            return f"的名字 {step!r} 在 Windows 上存不下，没有带来。改个名字。"
        if len(step.encode("utf-8", "replace")) > LONGEST:
            return f"的名字太长（一段最多 {LONGEST} 字节），没有带来。改个名字。"
        if step.startswith("."):
            return f"在 {step} 里，名字以 . 开头的不会到站点上，没有带来。"
    is_icon = len(steps) == 1 and same(steps[0]).startswith(OUR_ICONS)
    if same(steps[0]) in OURS or is_icon or any(map(FILES.search, steps[:-1])):
        return f"要放在 docs/{path}，那里是站点自己的文件，没有带来。换个文件夹。"
    return None


def same(name: str) -> str:
    """Alike for names that are one file on some systems."""
    return unicodedata.normalize("NFC", name).casefold()


def svg_problem(data: bytes) -> str | None:
    """Opened by itself, an SVG is a page of this site: it may hold nothing that runs."""
    if data.startswith(RASTER):  # named wrongly
        return None
    found = what_runs(data)
    return f"里有 {found}，单独打开时会运行，没有带来。" if found else None
