"""From what the trials left to what can be concluded: results -> scores -> rankings.

- `results`: what every trial left in ``runs/`` and ``eval/``;
- `scores`: what every trial scored on every test image;
- `resampling`, `pairwise`: intervals and p values from resampled seeds and images;
- `ranking`: the losses of one head on one metric, best first, and which differences are significant;
- `sentences`, `tables`: a ranking in words, and as ``ranking.csv`` and ``pairs.csv``;
- `agreement`: whether a second study contradicts the first.
"""
