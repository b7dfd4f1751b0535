"""Datasets with a length and numbered items, such as those of ``torch.utils.data``: `indexed_dataset`, `arrays`."""
