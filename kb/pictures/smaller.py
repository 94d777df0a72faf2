"""Smaller copies of a picture, WebP, for narrow screens: with Pillow, which is an extra."""

import io
import warnings

from kb.markdown.engine import BadInput
from kb.pictures.contents import MOST_PIXELS

WIDTHS = (640, 1280, 1920)
"""A column of text is at most 1,008 px wide, on many screens twice as many; and as wide as the picture
itself is, up to the last of these."""
QUALITY = 80
WORTH = 0.8
"""A copy that isn't this much smaller in bytes isn't kept."""
TYPES = {"png", "jpg", "webp", "avif", "bmp"}


def check_installed() -> None:
    """Raises BadInput."""
    try:
        import PIL.Image  # noqa: F401
    except ImportError:
        raise BadInput(
            '较小的副本要用 Pillow，这里没有装。.venv/bin/python -m pip install -c constraints.txt "pillow>=13,<14"'
        ) from None


def make_smaller(data: bytes, ending: str) -> dict[int, bytes]:
    """Width in pixels → WebP, only those worth keeping: none of what moves, none of what can't be read."""
    from PIL import Image, ImageOps

    if ending not in TYPES:
        return {}
    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    made: dict[int, bytes] = {}
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(data)) as opened:
            if getattr(opened, "n_frames", 1) > 1:
                return {}
            image = ImageOps.exif_transpose(opened)
            image = image.convert("RGBA" if image.has_transparency_data else "RGB")
            for width in [each for each in WIDTHS if each < image.width] + [min(image.width, WIDTHS[-1])]:
                webp = as_webp(image, width, opened.info.get("icc_profile"))
                if len(webp) < WORTH * len(data):
                    made[width] = webp
    except Exception:  # each of Pillow's decoders has its own for what is broken
        return {}
    return made


def as_webp(image, width: int, profile: bytes | None) -> bytes:
    height = max(1, round(image.height * width / image.width))
    made = io.BytesIO()
    image.resize((width, height)).save(made, "WEBP", quality=QUALITY, method=4, icc_profile=profile or b"")
    return made.getvalue()
