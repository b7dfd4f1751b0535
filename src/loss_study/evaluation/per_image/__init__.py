"""All metrics of a head for every image, and their summary over the images of a split.

``mask``, ``classes`` and ``depth`` have two functions each: `columns`, the values of each image by name, and
`summary`, what ``metrics.json`` has of them.
"""

from loss_study.evaluation.per_image import classes, depth, mask

__all__ = ["classes", "depth", "mask"]
