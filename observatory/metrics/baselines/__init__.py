"""Windows that somebody pinned as normal (canary baselines): frozen with what comparing with them needs.

Pure: `clusters` (design effects), `spreads` (tests on histograms), `comparing` (effects and verdicts), `contents` (what
is frozen). With the database: `store` (the rows), `pinning` (pin and freeze), `against` (comparisons), `api`.
"""
