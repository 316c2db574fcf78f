"""The names existing submissions import, re-exported: in the trainer image this package is `algoperf` and
`algorithmic_efficiency` at top level. Modules import each other relatively, so both names work, and they load a
framework only when they are about it.
"""
