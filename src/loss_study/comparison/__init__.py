"""``loss_study.compare``: a study of losses in one process, on a model and a dataset of one's own.

To read in this order: `compare` (the study), `chosen_losses` and `configuration` (what is studied), `result`.
"""
