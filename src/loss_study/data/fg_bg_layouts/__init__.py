"""How copies of the fg_bg data lie on disk: described, listed, paired, recognised.

description.py  the words in which conf/dataset/fg_bg.yaml describes a layout
listing.py      the files that are there, and those that a description finds
pairing.py      which mask, depth map and background belong to each picture
lists.py        the same from a table or a log
recognition.py  which of the known layouts a copy has
"""
