"""Notes are taken in, updated and taken out.

`sources` finds the files, `originals` reads each, `blog` the settings around it, `known` finds what
it doesn't say; `abbrlink` gives it its address and `whose` its author; `add` writes it, its pictures (`local_pictures`, which `finding` looks for, `fitting`)
and the lock, with a `journal` for what is killed half-way. `merge` carries embeds over to a new
version. `constructs` says what it is written in, `report` what became of it. `withdrawn` finds what an author has made private since, `remove` takes it out.
"""
