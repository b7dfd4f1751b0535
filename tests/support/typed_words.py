"""What a person types who follows a message literally: its -S words, composed with conf/dataset/."""

import re
import shlex
from functools import cache
from pathlib import Path

from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from loss_study import datasets

CONF = Path(__file__).parents[2] / "conf"
#: Words that stand together, each after -S and as a shell takes them.
TOGETHER = re.compile(r"-S (?:'[^']*'|[^\s;]+)(?: -S (?:'[^']*'|[^\s;]+))*")


def alternatives(message):
    """Return the lists of words that the message `message` offers, in its order."""
    return [[word for word in shlex.split(found) if word != "-S"] for found in TOGETHER.findall(message)]


def opened(root, name="folder", words=()):
    """Open the dataset `name` at `root` with its options in conf/dataset/, changed by `words`."""
    return datasets.open_dataset(name, root, options(name, tuple(words)))


@cache
def options(name, words=()):
    """Return the options in conf/dataset/<name>.yaml, changed by `words`."""
    with initialize_config_dir(str(CONF), version_base=None):
        return OmegaConf.to_container(compose(f"dataset/{name}", list(words)))["dataset"]["options"]
