"""Which layout a folder has, by the names of its folders and files; see `templates`."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from loss_study.datasets.layouts import split_lists, templates
from loss_study.datasets.layouts.layout import AUTO, Layout, TimeLists
from loss_study.datasets.layouts.listing import Listing
from loss_study.datasets.layouts.pattern import SPLIT, Pattern
from loss_study.datasets.layouts.templates import Template
from loss_study.datasets.reading.images import DEEP, SUFFIXES, decode
from loss_study.datasets.reading.mask_values import typed
from loss_study.heads import HEADS
from loss_study.runtime.errors import StudyError

#: The heads of conf/dataset/<name>.yaml.
DEFAULT_HEADS = {"folder": ("mask",), "rgbd": ("depth",)}
#: A kind of file belongs to the layout if it has at least this share of the files of the more frequent kind.
ENOUGH = 0.5
#: Metres per unit of the depth maps of the TUM benchmark.
TUM_METRES = 0.0002
#: Files that do not fit and are named; bytes that are read of a JSON file.
NAMED, HEAD = 5, 1 << 16
#: Folders of the public datasets that hold masks.
_TARGETS = {"trimaps", "segmentations"}
#: A file with more shades of grey than this is no mask.
SHADES = 32


@dataclass(frozen=True)
class Recognised:
    """What was found in a folder.

    `name` is for people. `dataset` is the file in conf/dataset/ that reads it, "" if none fits; `layout` belongs to
    ``folder`` and ``rgbd`` and is None for others. `heads` are those with ground truth. `words` follow -S on the
    command line. `fitting` is the number of images with all their files, `unfitting` that of the image files that are
    not used, the first of which are `unfitting_files`. `nearest` says what was seen and what to do where nothing fits.
    """

    name: str = ""
    dataset: str = ""
    layout: Layout | None = None
    heads: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    fitting: int = 0
    unfitting: int = 0
    unfitting_files: tuple[str, ...] = ()
    nearest: str = ""

    @property
    def command(self) -> str:
        """The command that runs a study of it, "" if nothing fits."""
        return command(self.words) if self.words else ""


def command(words: Iterable[str]) -> str:
    """Return the command for the shell that runs a study with these choices."""
    return f"dvc exp run {typed(list(words))}"


def choice(key: str, value: str) -> str:
    """Return ``key=value`` in the grammar of -S, whatever characters `value` has."""
    return f"{key}={quoted(value)}"


def quoted(value: str) -> str:
    """Return a text as the grammar of -S has it."""
    if re.fullmatch(r"[\w./:@%+~-]+", value):
        return value
    # A backslash means something before a quote only, the last of all included.
    escaped = re.sub(r"(\\+)$", r"\1\1", re.sub(r'(\\*)"', r'\1\1\\"', value)).replace("${", r"\${")
    return f'"{escaped}"'


def recognise(listing: Listing, heads: Sequence[str] = HEADS, given: Layout | None = None) -> Recognised:
    """Return what the names of the files say about `listing`; only a few files are opened.

    Args:
        heads: the kinds of ground truth that are looked for.
        given: patterns that are known; those that are ``auto`` are found.
    """
    wanted = [head for head in HEADS if head in heads]
    if given is not None:
        listing = listing.without(given.exclude)
    for look in (_by_time, _well_known, _by_names, _by_annotations):
        found = look(listing, wanted, given)
        if found is not None:
            return found
    return _nothing(listing, _nearest(listing, wanted))


def layout_of(listing: Listing, given: Layout, heads: Sequence[str] | None) -> Layout:
    """Return `given` with all found that is ``auto``.

    Args:
        heads: the kinds of ground truth that are needed; None: those that there are.

    Raises:
        StudyError: no layout fits, or another dataset reads the folder; the message says what was seen.
    """
    wanted = HEADS if heads is None else heads
    if not {"image", *wanted} & set(given.automatic):
        layout = given.model_copy(update={kind: [] for kind in given.automatic})
        return _with_lists(listing.without(given.exclude), layout)
    found = recognise(listing, wanted, given)
    if found.layout is None:
        what = f"has the layout of {found.name}; type {found.command}" if found.dataset else found.nearest
        raise StudyError(f"{listing.root}: {what}")
    return found.layout


def _by_time(listing: Listing, heads: Sequence[str], given: Layout | None) -> Recognised | None:
    """Recognise rgb.txt and depth.txt, each line a time and a path, as of the TUM benchmark."""
    lists = [
        path for path in listing.lists if f"/{path}".endswith("/rgb.txt") and f"{path[:-7]}depth.txt" in listing.lists
    ]
    if not lists or "depth" not in heads or (given is not None and given.automatic != ("image", "mask", "depth")):
        return None
    layout = Layout(image=["*"], depth=["*"], time_lists=TimeLists(image="rgb", depth="depth"))
    if len(lists) > 1:
        layout = layout.model_copy(update={"group": "scene"})
    return _of_layout(listing, "rgb.txt and depth.txt", layout, given, _count(listing) // 2, _all_files(listing))


def _well_known(listing: Listing, _: Sequence[str], given: Layout | None) -> Recognised | None:
    """Recognise public datasets that have a file of their own, and ingredients of composites."""
    names = {path.rpartition("/")[2] for path in listing.lists}
    folders = {folder.rpartition("/")[2].lower() for folder in listing.folders}
    if given is not None:
        return None
    if "trimaps" in folders and {"trainval.txt", "test.txt"} <= names:
        return _of_dataset(listing, "Oxford Pets", "pets", ("mask",))
    if "train_test_split.txt" in names and any("segmentations" in folder for folder in listing.folders):
        return _of_dataset(listing, "Caltech birds", "birds", ("mask",))
    if {"bg", "fg"} <= folders <= {"bg", "fg", "fg_mask", "bg_depth"}:
        return _of_dataset(listing, "backgrounds and cut-outs", "composites", ("mask", "depth"))
    return None


def _by_annotations(listing: Listing, heads: Sequence[str], _: Layout | None) -> Recognised | None:
    """Recognise JSON files of COCO and of labelme."""
    if "mask" not in heads or not listing.folders:
        return None
    kinds = {json_kind(listing.root / path) for path in [*listing.jsons[:NAMED], *listing.jsons[-NAMED:]]}
    kind = next((kind for kind in ("coco", "labelme") if kind in kinds), None)
    names = {"coco": "COCO annotations", "labelme": "labelme annotations"}
    return None if kind is None else _of_dataset(listing, names[kind], kind, ("mask",))


def json_kind(path: Path) -> str:
    """Return "coco" or "labelme" for such annotations, "" for any other JSON file, by the beginning of it."""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError:
        return ""
    if b'"shapes"' in head:
        return "labelme"
    return "coco" if re.search(rb'"(annotations|images|licenses|categories)"\s*:\s*\[', head) else ""


def _by_names(listing: Listing, heads: Sequence[str], given: Layout | None) -> Recognised | None:
    """Recognise masks and depth maps by the names of folders and files."""
    found = _templates(listing, given)
    several = {**found, "mask": [one.with_instances() for one in found["mask"]]}
    for templates_of in (found, several):
        best: tuple[int, Template, dict[str, list[Template]]] | None = None
        for image in found["image"]:
            partners = _partners(image, {kind: templates_of[kind] for kind in heads})
            complete = int(_complete(image, [matches[0] for matches in partners.values()]).sum()) if partners else 0
            if complete > (best[0] if best else 0):
                best = complete, image, partners
        if best is not None:
            _, image, partners = best
            unclear = [kind for kind, matches in partners.items() if len(matches) > 1]
            if unclear:
                return _nothing(listing, _which(unclear[0], partners[unclear[0]]))
            return _described(listing, image, {kind: matches[0] for kind, matches in partners.items()}, given)
    return None


def _templates(listing: Listing, given: Layout | None) -> dict[str, list[Template]]:
    explicit = {
        kind: templates.given(listing, patterns)
        for kind in ("image", *HEADS)
        if given is not None and kind not in given.automatic and (patterns := getattr(given, kind))
    }
    used = {path for one in explicit.values() for path in one.paths.values()}
    found = templates.derive(listing, used)
    absent = [kind for kind in HEADS if given is not None and not getattr(given, kind)]
    return found | {kind: [one] for kind, one in explicit.items()} | {kind: [] for kind in absent}


def _partners(image: Template, others: Mapping[str, Sequence[Template]]) -> dict[str, list[Template]]:
    """Return by kind the template whose files belong to those of `image`, and its rivals: others of the same images.

    A kind that has few files in comparison with the other is left out.
    """
    counts = {
        kind: sorted(
            ((int(_complete(image, [one]).sum()), one) for one in some), key=lambda match: (-match[0], match[1].literal)
        )
        for kind, some in others.items()
        if some
    }
    most = max((matches[0][0] for matches in counts.values()), default=0)
    found: dict[str, list[Template]] = {}
    for kind, matches in counts.items():
        files: set[str] = set()
        for count, one in matches:
            if count and count >= ENOUGH * most and not files & set(one.paths.values()):
                found.setdefault(kind, []).append(one)
                files |= set(one.paths.values())
    return found


def _complete(image: Template, partners: Iterable[Template]) -> np.ndarray:
    """Return which images have a file of each partner, bool (N,); none where the words do not tell files apart."""
    complete = np.ones(len(image.paths), dtype=bool)
    for other in partners:
        if not set(other.words) - other.several <= set(image.words):
            return np.zeros(len(image.paths), dtype=bool)
        existing, keys = set(other.keys(image.words)), image.keys(other.words)
        # Several masks of one image may share its words, but several images may not share a mask.
        alone = len(set(keys)) == len(keys)
        complete &= np.array([alone and key != () and key in existing for key in keys], dtype=bool)
    return complete


def _which(kind: str, rivals: Sequence[Template]) -> str:
    words = [choice(f"dataset.options.files.{kind}", one.patterns[0]) for one in rivals]
    ways = " or ".join(typed([word]) for word in words)
    return f"there are {len(rivals)} {kind} files for each image; choose with {ways}"


def _described(listing: Listing, image: Template, partners: Mapping[str, Template], given: Layout | None) -> Recognised:
    """Return the layout of these templates; splits without ground truth are excluded."""
    kinds = {"image": image, **partners}
    complete = _complete(image, partners.values())
    paths = np.array(list(image.paths.values()), dtype=object)
    exclude = _splits_without(image, complete) if SPLIT in image.words else []
    # The frames of a depth camera in one folder are of one scene.
    camera = "depth" in kinds and templates.FOLDER in image.words
    named = (f"{{{templates.FOLDER}}}", "{scene}") if camera else ("", "")
    values: dict[str, Any] = {
        **{kind: [pattern.replace(*named) for pattern in one.patterns] for kind, one in kinds.items()},
        "exclude": exclude,
        "split_list": AUTO,
    }
    layout = Layout(**values)
    used = {path for one in partners.values() for path in one.paths.values()} | set(paths[complete])
    name = ", ".join(f"{kind} {' or '.join(getattr(layout, kind))}" for kind in kinds)
    folders = listing.without(exclude).folders
    left = sum(path.rpartition("/")[0] in folders for path in paths[~complete])
    return _of_layout(listing, name, layout, given, int(complete.sum()), used, allow_missing=left > 0)


def _splits_without(image: Template, complete: np.ndarray) -> list[str]:
    """Return patterns of the folders of those splits whose images all lack their files."""
    place = image.words.index(SPLIT)
    names = np.array([texts[place] for texts in image.paths], dtype=object)
    lacking = sorted(set(names) - set(names[complete]))
    pattern = image.patterns[0]
    part = next(part for part in pattern.split("/") if f"{{{SPLIT}}}" in part)
    before = pattern[: pattern.index(part)]
    around = re.sub(r"\{\w+\}", "*", before + part.replace(f"{{{SPLIT}}}", "\0"))
    return [around.replace("\0", name) for name in lacking]


def _with_lists(listing: Listing, layout: Layout) -> Layout:
    """Return `layout` with its `split_list` found if it is ``auto``: text files whose lines name most of the images."""
    if layout.split_list != AUTO:
        return layout
    found = None
    if (
        listing.root.is_dir()
        and layout.time_lists is None
        and any(SPLIT not in Pattern(text).words for text in layout.image)
    ):
        found = _split_list(listing, list(templates.given(listing, layout.image).paths.values()))
    return layout.model_copy(update={"split_list": found})


def _split_list(listing: Listing, images: Sequence[str]) -> str | None:
    folders = {path.rpartition("/")[0] for path in listing.lists}
    shares = {}
    for folder in sorted(folders):
        pattern = f"/{folder}/{{{SPLIT}}}" if folder else f"/{{{SPLIT}}}"
        lists = split_lists.find_lists(listing, pattern)
        if "train" in lists and len(lists) > 1:
            shares[pattern] = split_lists.listed_share(listing, pattern, images)
    best = max(shares, key=shares.__getitem__, default=None)
    return best if best is not None and shares[best] >= ENOUGH else None


def _of_layout(
    listing: Listing,
    name: str,
    layout: Layout,
    given: Layout | None,
    fitting: int,
    used: Collection[str],
    *,
    allow_missing: bool = False,
) -> Recognised:
    """Return `layout`, with what the user has given in place of what was found."""
    if given is not None:
        said = {key: getattr(given, key) for key in given.model_fields_set - {"image", *HEADS}}
        said["exclude"] = [*given.exclude, *layout.exclude]
        layout = layout.model_copy(update={key: value for key, value in said.items() if value not in (AUTO, None)})
    layout = _with_lists(listing, layout)
    heads = tuple(head for head in HEADS if getattr(layout, head))
    dataset = "rgbd" if "depth" in heads and _measured(listing, layout) else "folder"
    words = [f"dataset={dataset}", choice("dataset.path", str(listing.root.absolute()))]
    if heads != DEFAULT_HEADS[dataset]:
        words.append(f"dataset.heads=[{','.join(heads)}]")
    if layout.time_lists is not None:
        words.append(f"dataset.options.metres_per_unit={TUM_METRES}")
    if allow_missing:
        words.append("dataset.options.allow_missing=true")
    rest = _all_files(listing) - set(used)
    return Recognised(name, dataset, layout, heads, tuple(words), fitting, len(rest), tuple(sorted(rest)[:NAMED]))


def _measured(listing: Listing, layout: Layout) -> bool:
    """Whether the first depth map has more than 8 bits; False where it cannot be read."""
    files = templates.given(listing, layout.depth).paths.values() if layout.time_lists is None else ()
    try:
        return layout.time_lists is not None or decode(listing.root / next(iter(files))).mode in DEEP
    except StudyError:
        return False


def _of_dataset(listing: Listing, name: str, dataset: str, heads: tuple[str, ...]) -> Recognised:
    words = (f"dataset={dataset}", choice("dataset.path", str(listing.root.absolute())))
    images = (len(names) for folder, names in listing.folders.items() if not _TARGETS & set(folder.split("/")))
    return Recognised(name, dataset, None, heads, words, sum(images))


def _nothing(listing: Listing, nearest: str) -> Recognised:
    files = _all_files(listing)
    return Recognised(unfitting=len(files), unfitting_files=tuple(sorted(files)[:NAMED]), nearest=nearest)


def _all_files(listing: Listing) -> set[str]:
    return {f"{folder}/{name}".lstrip("/") for folder, names in listing.folders.items() for name in names}


def _count(listing: Listing) -> int:
    return sum(map(len, listing.folders.values()))


def _nearest(listing: Listing, heads: Sequence[str]) -> str:
    """Say what was seen and what to do."""
    if not listing.folders:
        return f"no images in it; {_unread(listing)}correct dataset.path"
    if tuple(heads) != HEADS and (other := recognise(listing)).dataset:
        return f"no {' and no '.join(heads)}, but {' and '.join(other.heads)}; type {other.command}"
    found = templates.derive(listing)
    seen = [
        f"{folder or '.'} ({len(names)} files, {names[0]} ...)" for folder, names in sorted(listing.folders.items())
    ]
    more = f" and {len(seen) - NAMED} more folders" if len(seen) > NAMED else ""
    what = f"seen: {', '.join(seen[:NAMED])}{more}"
    if (twins := _same_names(listing, heads)) is not None:
        return f"no name says which files are the ground truth; {what}; by their content these are: {twins}"
    lacking = [head for head in heads if not found[head]]
    if lacking == list(heads) or not found["image"]:
        names = "masks, labels, seg or depth"
        return f"no folder and no file name says what is ground truth ({names}); {what}; {_describe()}"
    first = {kind: next(iter(found[kind][0].paths.values())) for kind in ("image", *heads) if found[kind]}
    names = ", ".join(f"{kind} {path}" for kind, path in first.items())
    return f"no name of an image is that of its ground truth ({names}); {what}; {_describe()}"


def _describe() -> str:
    return "describe the names in dataset.options.files (see conf/dataset/folder.yaml)"


def _unread(listing: Listing) -> str:
    strays = {Path(name).suffix.lower() for names in listing.strays.values() for name in names if name[0] != "."}
    seen = f"seen: {', '.join(sorted(strays - {''})[:NAMED])}; " if strays - {""} else ""
    return f"{seen}read are {', '.join(sorted(SUFFIXES))}; convert the files, or " if seen else ""


def _same_names(listing: Listing, heads: Sequence[str]) -> str | None:
    """Return the choices that read two folders with the same names, if a look shows what the second one holds."""
    folders_of: dict[frozenset[str], list[str]] = defaultdict(list)
    for folder, names in listing.folders.items():
        folders_of[frozenset(name.rpartition(".")[0] for name in names)].append(folder)
    for folders in folders_of.values():
        kinds = {_kind_by_content(listing.root / folder / listing.folders[folder][0]): folder for folder in folders}
        found = {kind: kinds[kind] for kind in ("image", *heads) if kind in kinds}
        if len(found) > 1 and len(kinds) == len(folders):
            return typed(
                [choice(f"dataset.options.files.{kind}", f"/{folder}/{{name}}") for kind, folder in found.items()]
            )
    return None


def _kind_by_content(path: Path) -> str:
    """Return "depth" for 16 bits, "mask" for a palette or few shades of grey, otherwise "image"."""
    try:
        image = decode(path)
    except StudyError:
        return ""
    if image.mode in DEEP:
        return "depth"
    return (
        "mask"
        if image.mode in ("1", "P") or (image.mode == "L" and len(image.getcolors() or ()) <= SHADES)
        else "image"
    )
