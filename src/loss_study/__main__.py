"""``python -m loss_study`` is the command ``loss-study``."""

from loss_study.cli import main

if __name__ == "__main__":
    main()
