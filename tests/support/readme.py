"""The files that docs/extending.md adds: a loss, a model and a dataset, each with its configuration."""

import re

from support.clone import ROOT

BLOCK = re.compile(r"`((?:src|conf)/[\w/]+\.(?:py|yaml))`:\n\n```\w+\n(.*?)```", re.DOTALL)
FILES = dict(BLOCK.findall((ROOT / "docs/extending.md").read_text()))
