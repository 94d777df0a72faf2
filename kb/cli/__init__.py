"""The command line, in Chinese (`chinese` has the words of click itself): `commands` says what there
is to do and what became of it, `adding` what of notes that come, `picturing` what of their pictures, `editing` what of one's own notes and code, `proving` what of proofs,
`founding` what of a base and its site; `common` is what they need.
"""
