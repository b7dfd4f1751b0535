"""How data sets lie on disk as picture files: described, listed, paired, recognised.

description.py     the words in which a layout is described, as in conf/dataset/fg_bg.yaml
listing.py         the files that are there, and those that a description finds
pairing.py         which mask, depth map and background belong to each picture
lists.py           the same from a table or a log
official_lists.py  which pictures a data set itself puts into its test
recognition.py     which of the known layouts of fg_bg a copy has
paired_files.py    a `Dataset` of the pictures that were paired
"""
