"""The heads of a study's networks: a mask and a depth map."""

from __future__ import annotations

from typing import Literal

Head = Literal["mask", "depth"]
HEADS: tuple[Head, ...] = ("mask", "depth")
