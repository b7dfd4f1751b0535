"""Writing the arrays of a packed sample, row by row, from several processes."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from loss_study.data.packed import stored_type
from loss_study.runtime.errors import StudyError


@dataclass(frozen=True)
class ArrayWriter:
    """Writes the arrays in `folder`, of images with `size` pixels a side and of their targets for `heads`.

    All methods raise a StudyError if the disk has no room.
    """

    folder: Path
    size: int
    heads: tuple[str, ...]

    def create(self, images: int, backgrounds: int) -> None:
        """Create the arrays, of zeros, for that many images and backgrounds.

        Those of valid pixels take no disk space before something is written to them: few datasets need them.
        """
        square = (self.size, self.size)
        shapes: dict[str, tuple[int, ...]] = {"images": (images, *square, 3)}
        if backgrounds:
            shapes["backgrounds"] = (backgrounds, *square, 3)
        shapes |= {f"{head}s": (images, *square) for head in self.heads}
        sizes = [np.dtype(stored_type(name)).itemsize * int(np.prod(shape)) for name, shape in shapes.items()]
        needed, free = sum(sizes), shutil.disk_usage(self.folder).free
        if needed > free:
            raise self._no_room(f"needs {needed / 2**20:.0f} MiB and {free / 2**20:.0f} MiB are free")
        dtypes = {name: stored_type(name) for name in (*shapes, *map(valid_name, self.heads))}
        for name, dtype in dtypes.items():
            shape = shapes.get(name, (images, *square))
            try:
                np.lib.format.open_memmap(self.folder / f"{name}.npy", mode="w+", dtype=dtype, shape=shape)
            except OSError as error:
                raise self._no_room(error.strerror) from None

    def write(self, name: str, rows: Mapping[int, np.ndarray]) -> None:
        """Write `rows` of the array `name`.

        Raises:
            ValueError: a row of another shape or type than the array's.
        """
        if not rows:
            return
        path = self.folder / f"{name}.npy"
        array = np.load(path, mmap_mode="r", allow_pickle=False)
        try:
            # Written to the file, not to the mapping: there a full disk would kill the process.
            with path.open("r+b") as file:
                for row, content in rows.items():
                    if content.dtype != array.dtype or content.shape != array.shape[1:]:
                        expected = f"{array.dtype} {array.shape[1:]}"
                        raise ValueError(f"{name}: {content.dtype} {content.shape} instead of {expected}")
                    file.seek(array.offset + row * array[0].nbytes)
                    file.write(np.ascontiguousarray(content).data)
        except OSError as error:
            raise self._no_room(error.strerror) from None

    def finish_valid(self, head: str, all_valid: list[int], images: int) -> bool:
        """Complete the array of valid pixels of `head` and return True, or remove it and return False.

        Args:
            all_valid: rows whose pixels are all valid.
            images: number of rows; if all of them are in `all_valid`, no array is needed.
        """
        if len(all_valid) == images:
            (self.folder / f"{valid_name(head)}.npy").unlink()
            return False
        everywhere = np.ones((self.size, self.size), np.bool_)
        self.write(valid_name(head), dict.fromkeys(all_valid, everywhere))
        return True

    def _no_room(self, reason: str | None) -> StudyError:
        place = self.folder.parent.absolute()
        return StudyError(f"{place}: the packed sample cannot be written ({reason}); make room there")


def valid_name(head: str) -> str:
    """Return the name of the array, and of the field of `Example`, that says which pixels of `head` are valid."""
    return f"{head}_valid"
