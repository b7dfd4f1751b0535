"""The heads of a study's networks: a mask and a depth map."""

from __future__ import annotations

from typing import Literal

Head = Literal["mask", "depth"]
HEADS: tuple[Head, ...] = ("mask", "depth")
#: Stands in the place of a head for a network that has all of them: it is a key of files and of trials.
JOINT = "joint"
