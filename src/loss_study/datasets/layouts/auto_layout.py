"""Which of several known layouts a folder has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from loss_study.datasets.layouts import list_files
from loss_study.datasets.layouts.layout import Layout
from loss_study.datasets.layouts.listing import Listing, find
from loss_study.runtime.errors import StudyError, nearest

AUTO = "auto"
KINDS = ("image", "mask", "depth", "background")
#: Files of a folder that are compared with the patterns.
ENOUGH = 200


def choose(listing: Listing, layouts: Mapping[str, Layout], name: str) -> str:
    """Return the name of the layout to use: `name`, or the one that fits if `name` is ``auto``.

    Raises:
        StudyError: unknown name; no layout fits, and the message says which files were seen; or several fit.
    """
    if name != AUTO:
        if name not in layouts:
            raise StudyError(f"dataset.options.layout: unknown layout {name!r}: {nearest(name, [AUTO, *layouts])}")
        return name
    if not listing.folders:
        raise StudyError(f"{listing.root}: no image files in it; correct dataset.path")
    some = replace(listing, folders={folder: _some(names) for folder, names in listing.folders.items()})
    absent = {name: _absent(some, layout) for name, layout in layouts.items()}
    fitting = [name for name, kinds in absent.items() if not kinds]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise StudyError(
            f"{listing.root}: fits more than one layout, {', '.join(fitting)}; choose one with "
            "-S dataset.options.layout=<name>"
        )
    raise StudyError(_nothing_fits(listing, layouts, absent))


def _some(names: list[str]) -> list[str]:
    return names[:: -(-len(names) // ENOUGH)]


def _absent(listing: Listing, layout: Layout) -> list[str]:
    """Return the kinds of file that `layout` describes and `listing` lacks."""
    absent = [kind for kind in KINDS if (texts := getattr(layout, kind)) and not len(find(listing, texts).files)]
    return absent if _has_list(listing, layout) else [*absent, "list_file"]


def _has_list(listing: Listing, layout: Layout) -> bool:
    if layout.list_file is None:
        return True
    try:
        found = list_files.paths(listing, layout.list_file.file)
    except StudyError:
        return False
    return not layout.list_file.is_table or all(list_files.has_columns(path, layout.list_file) for path in found)


def _nothing_fits(listing: Listing, layouts: Mapping[str, Layout], absent: Mapping[str, list[str]]) -> str:
    seen = [f"{folder or '.'} ({len(names)} files, {names[0]} ...)" for folder, names in listing.folders.items()]
    more = f" and {len(seen) - 6} more folders" if len(seen) > 6 else ""
    if _only_ingredients(listing):
        return (
            f"{listing.root}: holds only backgrounds and cut-outs; let the composites be made from them "
            "with -S dataset=composites -S dataset.path=<this folder>"
        )
    return (
        f"{listing.root}: fits none of the layouts {', '.join(layouts)}; seen: {', '.join(seen[:6])}{more}"
        f"{_hint(layouts, absent)}; describe it in conf/dataset/ (see conf/dataset/fg_bg.yaml)"
    )


def _hint(layouts: Mapping[str, Layout], absent: Mapping[str, list[str]]) -> str:
    """Return what is missing for the nearest layout, if there is one whose images are there."""
    near = [name for name in layouts if "image" not in absent[name]]
    if not near:
        return ""
    name = min(near, key=lambda name: len(absent[name]))
    wanted = "; ".join(f"no {kind} matches {_patterns(layouts[name], kind)}" for kind in absent[name])
    key = f"dataset.options.layouts.{name}.{absent[name][0]}"
    return f"; the nearest is {name}, but {wanted} (if the data has none: -S {key}=null)"


def _patterns(layout: Layout, kind: str) -> str:
    if kind == "list_file" and layout.list_file is not None:
        return layout.list_file.file
    return " or ".join(getattr(layout, kind))


def _only_ingredients(listing: Listing) -> bool:
    last = {folder.rpartition("/")[2].lower() for folder in listing.folders}
    return "fg" in last and last <= {"bg", "bg_images", "fg", "fg_mask", "bg_depth"}
