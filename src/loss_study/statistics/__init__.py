"""From what the trials left to what can be concluded: results -> scores -> rankings.

- `results`: what every trial left in ``runs/`` and ``eval/``;
- `scores`: what every trial scored on every test image;
- `estimates`: means, and how far new seeds and new images might move them;
- `folds`: the same where the seeds take turns at folds;
- `looks`: how much error each comparison may make in a study that is compared after every round;
- `regret`: how much worse than the best each loss may be;
- `pairwise`: losses two by two;
- `ranking`: the losses of one head on one metric, best first, and the decision;
- `race`: what was known after each round;
- `sentences`, `tables`: a ranking in words, and as ``answer.csv``, ``pairs.csv`` and ``rounds.csv``;
- `joint`: a network with both heads beside the separate ones;
- `arithmetic`: whether the numbers of a trial fit together;
- `agreement`: whether a second study contradicts the first.
"""
