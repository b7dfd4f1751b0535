"""Why the losses rank as they do: the report's second half, from what `evaluate` measured of every trial."""
