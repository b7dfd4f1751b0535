"""One network, several spellings: what different libraries call the same weights."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator

#: Modules of a classifier, which come behind the features and are no part of an encoder.
CLASSIFIER = {"fc", "classifier", "head", "last_linear", "conv_head", "bn2", "norm", "_fc", "_conv_head", "_bn1"}

#: Where a file keeps an encoder, when it keeps more than that.
PREFIXES = ("", "module.", "model.", "encoder.", "backbone.", "features.", "encoder.model.")

_BLOCK = re.compile(r"_blocks\.(\d+)\.(\w+)\.(.+)")
#: Layers of an EfficientNet's block, with and without an expansion, as the first PyTorch port and as timm call them.
_EXPANDED = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_se_reduce": "se.conv_reduce",
    "_se_expand": "se.conv_expand",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
_PLAIN = _EXPANDED | {"_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
_OUTSIDE = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}


def spellings(names: Collection[str], wanted: Collection[str]) -> Iterator[dict[str, str]]:
    """Yield ways to rename the `names` in a file of weights to those `wanted` by a network, as {old: new}."""
    for prefix in PREFIXES:
        inside = [name for name in names if name.startswith(prefix)]
        for spell in (_as_is, _flattened, _efficientnet(inside, wanted)):
            for wrapper in ("", "model."):
                yield {name: wrapper + spell(name.removeprefix(prefix)) for name in inside}


def _as_is(name: str) -> str:
    return name


def _flattened(name: str) -> str:
    """A network of timm that is to give features has its first level taken apart: ``stages.0.x`` to ``stages_0.x``."""
    return name.replace(".", "_", 1)


def _efficientnet(names: Collection[str], wanted: Collection[str]) -> Callable[[str], str]:
    """From consecutive numbers of the blocks, ``_blocks.2._bn0.bias``, to timm's, ``blocks.1.1.bn1.bias``."""
    expanded = {match[1] for name in names if (match := _BLOCK.search(name)) and match[2] == "_expand_conv"}
    pairs = {(int(match[1]), int(match[2])) for name in wanted if (match := re.search(r"blocks\.(\d+)\.(\d+)\.", name))}
    places = [f"blocks.{stage}.{block}" for stage, block in sorted(pairs)]

    def spell(name: str) -> str:
        match = _BLOCK.fullmatch(name)
        if match and int(match[1]) < len(places):
            layers = _EXPANDED if match[1] in expanded else _PLAIN
            return f"{places[int(match[1])]}.{layers.get(match[2], match[2])}.{match[3]}"
        module, _, rest = name.partition(".")
        return f"{_OUTSIDE.get(module, module)}.{rest}"

    return spell
