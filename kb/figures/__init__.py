"""Figures that nobody typed: measured ones, and diagrams of code.

`measured` reads what a benchmark found and knows whether it still holds, `plot` draws it. `flows` reads
how tensors went through a region of code; `diagram` draws that, in the words of `operators`, where
`layers` puts each step. `photograph` shows weights on a picture, `remaking` makes what is quick anew. `embeds` places all of them in a page.
"""
