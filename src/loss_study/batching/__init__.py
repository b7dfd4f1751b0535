"""Batches for training and testing: gathered from the packed sample, changed at random, or made of kept features."""
