"""What several models are made of: stages, heads, pretrained weights, SegNet."""
