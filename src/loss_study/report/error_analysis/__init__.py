"""The sections "Gradients and learning" and "Errors", from what `evaluate` measured of every trial.

- `analysis`: both sections for one head;
- `evidence`: what the trials of a loss left;
- `gradients`, `responses`: where a loss's gradient is, how large it is, and what prediction it leads to;
- `learning_speed`: how quickly a loss learned, and how much its seeds differ;
- `explanation`: whether the order of the losses correlates with any of these;
- `mask_errors_section`, `class_errors_section`, `depth_errors_section`: where predictions are wrong, by head;
- `object_sizes`, `thresholds`, `calibration`: parts of these;
- `hard_images`: test images that are hard, easy, or that the losses disagree on;
- `loss_table`, `line_charts`: tables and charts with one row or line per loss.
"""
