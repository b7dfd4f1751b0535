"""Training of trials, in the order in which one is read.

`run` trains all seeds of a head and loss and writes their folders (`record`), `train` puts one trial together, `loop`
is the loop over epochs and batches, `outcome` is what it leaves. `checkpoint` lets a killed process go on, `device`
says where and in which precision to compute. `optimizers` and `schedules` hold one file for each choice. `parent`
trains what all trials may continue from. `search` finds learning rates, and `choice` is the file between it and `run`.
Beside the main path: `transfer` (frozen parts, fine-tuning, cached features) and `distributed` (several devices for one
trial).
"""
