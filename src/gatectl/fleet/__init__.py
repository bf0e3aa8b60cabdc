"""A fleet: which git repositories are applied to which platforms, continuously (product.md, section 9).

`values` is what a fleet file says, `reading` believes it or says what is wrong with it (`checks`), `targets` makes the targets of
a source of what a commit holds.
"""
