"""Loss Study: which loss should masks and depth maps be trained with, on this data, and why."""

__version__ = "0.1.0"
