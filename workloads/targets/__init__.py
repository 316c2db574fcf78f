"""How an edition's targets are set: four standard algorithms are tuned, and the best of them is repeated.

`choice` says what follows from the runs, `search_spaces` what is tried, `procedure` in which order; `runs` are child
processes, `store` keeps what they measured, `results` are the committed records. Source: AlgoPerf rules, "Workloads";
docs/targets.md says where this differs.
"""
