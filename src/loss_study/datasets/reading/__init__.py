"""Reading files: images (images.py), masks (mask_files.py, labels.py) and coloured depth maps (colour_maps.py)."""
