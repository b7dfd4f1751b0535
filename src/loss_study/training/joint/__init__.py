"""One network with both heads: a loss for each, combined by a weighting.

`weightings` holds one file for each way to combine the losses. `objective` is what a step makes smaller, `options` the
loss and the weighting with all their options, `phase` the batches and the score of an epoch. `network` trains one
network outside of a study.
"""
