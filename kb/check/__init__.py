"""What is wrong, said once with its cure.

`everything` is `kb check`: notes, embeds, figures. It asks `dead_links` for links and pictures
that lead nowhere, and that asks other servers through `remote`; `picture_copies` for copies of
those pictures. `note_list` is `kb list`.
"""
