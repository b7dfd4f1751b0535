"""What all losses share: `base` says what a loss is, `weighted_sum` what a combination is."""
