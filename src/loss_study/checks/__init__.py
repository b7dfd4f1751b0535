"""Checks of a study: of what was chosen before any work starts, and of every file and number afterwards."""
