"""What a file is by what is in it, not by what a server calls it: a picture that is whole, or nothing."""

import io
import re
from dataclasses import dataclass

import imagesize

from kb.pictures.route import NotFetched
from kb.pictures.svg import svg_refusal

MOST_PIXELS = 100_000_000
"""A small file may hold a picture that a browser has no memory for."""

SIGNATURES = {
    "png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "jpg": re.compile(rb"\xff\xd8\xff"),
    "gif": re.compile(rb"GIF8[79]a"),
    "webp": re.compile(rb"RIFF.{4}WEBP", re.DOTALL),
    "avif": re.compile(rb".{4}ftyp(.{4}){0,8}avi[fs]", re.DOTALL),
    "bmp": re.compile(rb"BM.{4}\x00{4}", re.DOTALL),
}
SVG = re.compile(rb"^\s*(<\?xml|<!--|<!DOCTYPE\s+svg|<svg|<\w+:svg)", re.IGNORECASE)


@dataclass(frozen=True)
class Picture:
    data: bytes
    ending: str
    """`png`, `jpg`, `gif`, `webp`, `avif`, `bmp`, `svg`."""
    width: int | None
    """Pixels as they are shown, turned as EXIF says; None where an SVG doesn't say."""
    height: int | None


def read_picture(data: bytes) -> Picture:
    """Raises NotFetched where it is none, or one that may not be shown."""
    ending = kind_of(data)
    if ending is None:
        raise NotFetched("送来的不是图片")
    if ending == "svg":
        if problem := svg_refusal(data):
            raise NotFetched(f"SVG 里有 {problem}，不收")
    elif not is_whole(data, ending):
        raise NotFetched("图片不完整")
    width, height = imagesize.get(io.BytesIO(data))
    if ending != "svg" and (width < 1 or height < 1):
        raise NotFetched("图片坏了，看不出多大")
    if width * height > MOST_PIXELS:
        raise NotFetched(f"图片有 {width}×{height} 像素，太大")
    sizes = (round(width), round(height)) if width >= 1 and height >= 1 else (None, None)
    return Picture(data, ending, *sizes)


def kind_of(data: bytes) -> str | None:
    for ending, signature in SIGNATURES.items():
        if signature.match(data):
            return ending
    is_svg = SVG.match(data.removeprefix(b"\xef\xbb\xbf")) and re.search(rb"[<:]svg[\s>]", data)
    return "svg" if is_svg else None


def is_whole(data: bytes, ending: str) -> bool:
    """Whether its end is there, as far as its format tells."""
    match ending:
        case "png":
            return b"IEND\xaeB`\x82" in data
        case "jpg":  # the end of the picture itself: a small one within has another
            return b"\xff\xd9" in data[max(data.rfind(b"\xff\xda"), 0) :]
        case "gif":
            return data.rstrip(b"\0").endswith(b";")
        case "webp":
            return int.from_bytes(data[4:8], "little") + 8 <= len(data)
        case "avif":
            return boxes_end(data)
    return int.from_bytes(data[2:6], "little") <= len(data)


def boxes_end(data: bytes) -> bool:
    """Whether the boxes of an AVIF end with it; one of size 0 reaches to the end by definition."""
    place = 0
    while place + 8 <= len(data):
        size = int.from_bytes(data[place : place + 4], "big")
        if size == 1:
            size = int.from_bytes(data[place + 8 : place + 16], "big")
        if size == 0:
            return True
        if size < 8:
            return False
        place += size
    return place == len(data)
