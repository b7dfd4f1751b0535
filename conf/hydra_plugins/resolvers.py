"""Hydra imports this file before it composes conf/ (``hydra.plugins_path`` in ``.dvc/config``)."""

from loss_study.config.resolvers import register

register()
