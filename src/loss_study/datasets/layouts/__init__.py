"""Layouts: how the files of a dataset lie on disk, and which of them belong together.

pattern.py           patterns of paths, such as ``masks/{name}_seg``
layout.py            the schema of a layout, as in conf/dataset/fg_bg.yaml
listing.py           the files in a folder, and those that match a pattern
templates.py         patterns derived from the files in a folder
recognise.py         which layout a folder has, where nothing is said
open_pairs.py        all of this: from a folder to its images and their files
pairing.py           which mask, depth map and background belong to each image
background_lookup.py the background of each image, where names do not tell
background_check.py  whether the images show the backgrounds that were found for them
list_files.py        tables and logs that say which files belong together
time_lists.py        lists of times that say which images and depth maps belong together
split_lists.py       lists of the images of each split
frames.py            clips of consecutive frames
official_split.py    a dataset's own lists of training and test images
auto_layout.py       which of several known layouts a folder has
paired_dataset.py    a `Dataset` of images and their files; labelled_dataset.py: one whose masks hold labels
"""

from loss_study.datasets.layouts.labelled_dataset import LabelledDataset
from loss_study.datasets.layouts.layout import Layout
from loss_study.datasets.layouts.listing import Listing, scan
from loss_study.datasets.layouts.open_pairs import Split, open_pairs
from loss_study.datasets.layouts.paired_dataset import PairedDataset
from loss_study.datasets.layouts.pairing import Pairs, pair

__all__ = ["LabelledDataset", "Layout", "Listing", "PairedDataset", "Pairs", "Split", "open_pairs", "pair", "scan"]
