"""Images with measured depth: a folder whose depth maps are in metres; see `loss_study.datasets.folder`.

Only the defaults differ, those of conf/dataset/rgbd.yaml: the folders' names, and a reading of 1 is a millimetre.
"""

from loss_study.datasets.folder import check_files, class_names, heads_with_invalid_pixels, open_dataset

__all__ = ["check_files", "class_names", "heads_with_invalid_pixels", "open_dataset"]
