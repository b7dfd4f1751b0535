"""Arithmetic over pixels that several losses and metrics share."""
