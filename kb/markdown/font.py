"""The site's font for formulas: STIX Two Math, with the characters that notes use.

    pip install fonttools brotli
    python -m kb.markdown.font stix-two-math-math-400-normal.woff2 kb/theme/assets/stix-two-math.woff2

makes it from the font of npm's @fontsource/stix-two-math 5.3.0, a third of its size. What
formulas stretch (braces, roots, sums) comes along by itself, with the sizes of its table MATH.
"""

import sys

CHARACTERS = """
20-7e a0-bf d7 f0 f7 131 237 2c6-2c7 2d8-2dd
300-30c 30f 311 323 32c-332 338 33f 20d0-20dc 20e1 20ee 20ef
391-3a9 3b1-3c9 3d1 3d5 3d6 3dd 3f0 3f1 3f5 3f6
2000-200a 2010-2022 2026 202f 2032-2037 203e 2040 2044 2057 205f 2061-2064 2070-208e 20ac
2102 2107 210a-2115 2118-211d 2124 2126-2128 212c-2138 213c-2141 2145-2149 214b
2190-21ff 2200-22ff
2305 2306 2308-230b 2310 231c-231f 2322 2323 239b-23ae 23b0 23b1 23b4 23b5 23d0 23dc-23e1
2460-2473 24c8 25a0 25a1 25aa 25ab 25b2-25bf 25c0 25c1 25ca 25cb 25e6 25ef 25fb 25fc
2605 2606 2660-2667 266d-266f 2713 2717 2720
27c2 27d5-27d7 27e6-27eb 27ee-27ff 2933 2985 2986 29eb 29f5 29f8
2a00-2a06 2a09 2a0c 2a1d 2a2f 2a3f 2a74-2a76 2a7d 2a7e 2a85-2a8c 2a95 2a96 2aaf-2abc 2acb 2acc
fe00 fe01
1d400-1d56b 1d5a0-1d5d3 1d670-1d6a5 1d6a8-1d755 1d7ca-1d7e1 1d7e2-1d7eb 1d7f6-1d7ff
"""


def code_points() -> set[int]:
    found = set()
    for part in CHARACTERS.split():
        first, _, last = part.partition("-")
        found.update(range(int(first, 16), int(last or first, 16) + 1))
    return found


def main(source: str, target: str) -> None:
    from fontTools import subset  # no dependency of the site's

    options = subset.Options(flavor="woff2", hinting=False, layout_features=[])
    options.drop_tables += ["GDEF", "GPOS"]
    font = subset.load_font(source, options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=code_points())
    subsetter.subset(font)
    subset.save_font(font, target, options)


if __name__ == "__main__":
    main(*sys.argv[1:])
