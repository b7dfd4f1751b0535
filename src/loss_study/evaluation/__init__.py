"""Trained models measured on the test split, which nothing else reads.

To read in this order: `evaluate`, `trained_models` (what training left), `splits` (predictions and targets of a split),
`per_image` (the metrics of every image), `shown_images` (which predictions are stored), `error_analysis`.
"""
