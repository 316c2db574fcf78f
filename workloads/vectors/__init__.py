"""Comparing the implementation with golden vectors of the benchmark, or with others of the same format.

A folder of vectors holds `models/<workload>.{json,npz}`, `jax_parity/<workload>.json`, `metrics/`, `pipelines/` and
`halton/`. Everything is derived from what the files say; nothing is asked of a base that is not asked of a variant.
"""
