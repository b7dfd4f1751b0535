"""The files that docs/extending.md adds: losses, models and datasets, each with its configuration."""

import re

from support.clone import ROOT

BLOCK = re.compile(r"`((?:(?:src|conf)/)?[\w/]+\.(?:py|yaml))`[^`\n]*(?:\n[^`\n]+)*:\n\n```\w+\n(.*?)```", re.DOTALL)
FILES = dict(BLOCK.findall((ROOT / "docs/extending.md").read_text()))
