from loss_study.comparison.compare import compare as compare

__version__: str
