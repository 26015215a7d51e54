"""Windows that somebody pinned as normal (canary baselines): frozen with what comparing with them needs.

Pure: `clusters` (design effects), `spreads` (tests on histograms), `verdicts` (worse, better or not to be told),
`comparing` (effects and intervals), `contents` (what is frozen). With the database: `store` (the rows), `gathering` (what
is counted of a window now), `pinning` (pin and freeze), `against` (comparisons), `api` and its `shapes`.
"""
