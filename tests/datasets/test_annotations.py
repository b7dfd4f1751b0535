"""COCO and labelme: outlines become the masks that they mean, of the image that they belong to."""

import base64
import io
import json
import shlex

import numpy as np
import pytest
from matplotlib.path import Path as Outline
from PIL import Image

from loss_study import datasets
from loss_study.datasets.layouts.listing import scan
from loss_study.datasets.layouts.recognise import recognise
from loss_study.datasets.reading import outlines
from loss_study.runtime.errors import StudyError
from support.data_at_hand import composed, everything, save

HEIGHT, WIDTH = 12, 16
CAR, DOG = [[1, 1], [9.3, 1.2], [8, 8.7], [2, 7]], [[6, 4], [14, 4], [14, 11], [6, 11]]


def independent(points, height=HEIGHT, width=WIDTH):
    """Return the pixels whose centres matplotlib finds inside."""
    rows, columns = np.mgrid[:height, :width] + 0.5
    return Outline(points).contains_points(np.stack([columns.ravel(), rows.ravel()], axis=1)).reshape(height, width)


def coco(root, file="annotations.json", folder="images", first=0, count=4, **changes):
    images, annotations = [], []
    for number in range(first, first + count):
        save(root / folder / f"{number}.png", np.full((HEIGHT, WIDTH, 3), 20 * number, np.uint8))
        images.append({"id": 7 * number, "file_name": f"{number}.png", "height": HEIGHT, "width": WIDTH})
        for category, points, area in ((3, DOG, 56), (5, CAR, 40)):
            annotations.append(
                {
                    "image_id": 7 * number,
                    "category_id": category,
                    "segmentation": [np.ravel(points).tolist()],
                    "area": area,
                }
            )
    content = {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": 3, "name": "dog"}, {"id": 5, "name": "car"}],
    }
    path = root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content | changes))
    return content


def labelme(root, name="a", shapes=None, size=(HEIGHT, WIDTH), **image):
    save(root / f"{name}.jpg", np.full((*size, 3), 90, np.uint8), **image)
    shapes = shapes or [{"label": "car", "points": CAR, "shape_type": "polygon"}, {"label": "dog", "points": DOG}]
    content = {
        "version": "5",
        "shapes": shapes,
        "imagePath": f"{name}.jpg",
        "imageHeight": size[0],
        "imageWidth": size[1],
    }
    (root / f"{name}.json").write_text(json.dumps(content))


def first(name, root, **options):
    """Return the class of every pixel of the first image."""
    source = datasets.open_dataset(name, root, options)
    number = everything(source)[0].number
    return source._classes(source._pairs.images.path(number), source.outlines(number))


def test_a_polygon_has_the_pixels_whose_centres_are_inside():
    rng = np.random.default_rng(0)
    for _ in range(20):
        points = rng.uniform(-4, 20, (rng.integers(3, 9), 2))
        hull = points[np.argsort(np.arctan2(*(points - points.mean(0)).T))]
        assert np.array_equal(outlines.polygon(hull.tolist(), HEIGHT, WIDTH), independent(hull))
    square = outlines.rectangle([[10, 6], [2, 3]], HEIGHT, WIDTH)
    assert square.sum() == 8 * 3 and square[3:6, 2:10].all()
    rows, columns = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    assert np.array_equal(outlines.circle([[8, 6], [8, 10.2]], HEIGHT, WIDTH), np.hypot(rows - 6, columns - 8) < 4.2)


def as_text(runs):
    """Write run lengths as pycocotools does: from the fourth on differences, five bits a character."""
    text = ""
    for place, run in enumerate(runs):
        value, more = run - (runs[place - 2] if place > 2 else 0), True
        while more:
            code, value = value & 31, value >> 5
            more = value != (-1 if code & 16 else 0)
            text += chr(48 + code + 32 * more)
    return text


@pytest.mark.parametrize("written", [list, as_text])
def test_run_lengths_go_down_the_columns(written):
    mask = np.random.default_rng(1).random((HEIGHT, WIDTH)) < np.linspace(0, 0.4, WIDTH)
    flat = mask.T.ravel()
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flat, [not flat[-1]]]).astype(int)))
    runs = np.diff(np.concatenate([[0], edges])).tolist()
    found = outlines.of_coco({"counts": written(runs), "size": [HEIGHT, WIDTH]}, HEIGHT, WIDTH)
    assert np.array_equal(found, mask)
    assert as_text([5, 3, 40, 2]) == "53X1O"


def test_coco_is_recognised_and_read(tmp_path, monkeypatch):
    coco(tmp_path)
    found = recognise(scan(tmp_path))
    assert found.dataset == "coco" and found.fitting == 4
    dataset = composed(tmp_path, monkeypatch, *found.words).dataset
    source = datasets.open_dataset("coco", tmp_path, dataset.options)
    classes = first("coco", tmp_path, **dataset.options)
    assert np.array_equal(classes == 0, independent(CAR) | independent(DOG))
    example = source.example(everything(source)[2], 16)
    expected = Image.fromarray((independent(CAR) | independent(DOG)).astype(np.uint8) * 255).resize((16, 16), 2)
    assert np.array_equal(example.mask, np.asarray(expected)) and (example.image == 40).all()


def test_categories_are_classes(tmp_path):
    coco(tmp_path)
    classes = first("coco", tmp_path, classes={"car": ["car"]})
    assert np.array_equal(classes == 0, independent(CAR))
    source = datasets.open_dataset("coco", tmp_path, {"classes": {"car": ["car"]}, "ignored": ["dog"]})
    example = source.example(everything(source)[0], 16)
    assert not example.mask_valid.all() and not example.mask[~example.mask_valid].any()
    several = {"dog": ["dog"], "rest": ["_background_"], "car": ["car"]}
    classes = first("coco", tmp_path, classes=several)
    expected = np.where(independent(CAR), 2, np.where(independent(DOG), 0, 1))
    assert np.array_equal(classes, expected), "the smaller outline counts"
    assert datasets.class_names("coco", {"classes": several}) == ("dog", "rest", "car")


@pytest.mark.parametrize(
    ("classes", "match", "then"),
    [
        ("{dog:[dog],car:[car]}", "what pixels without an outline", ("dog", "car", "background")),
        ("{dog:[dog],rest:[_background_]}", "does not name the category 'car'", ("dog", "rest")),
    ],
)
def test_suggestions_for_categories_work_as_typed(classes, match, then, tmp_path, monkeypatch):
    coco(tmp_path)
    words = ["dataset=coco", f"dataset.path={tmp_path}", f"+dataset.options.classes={classes}", "loss=cross_entropy"]
    names = classes.strip("{}").split("],")
    several = [f"dataset.classes={len(then)}", f"dataset.class_names=[{','.join(then)}]"]
    with pytest.raises(StudyError, match=match) as error:
        composed(tmp_path, monkeypatch, *words, f"dataset.classes={len(names)}")
    typed = [word for word in shlex.split(str(error.value)) if "dataset.options.classes." in word or "ignored=" in word]
    dataset = composed(tmp_path, monkeypatch, *words, *several, typed[0].rstrip(",")).dataset
    assert datasets.class_names("coco", dataset.options) == then
    source = datasets.open_dataset("coco", tmp_path, dataset.options)
    example = source.example(everything(source)[0], 64)
    assert set(np.unique(example.mask)) <= set(range(len(then)))


def test_names_of_annotation_files_are_splits(tmp_path):
    coco(tmp_path, "annotations/instances_train2017.json", "train2017", 0)
    coco(tmp_path, "annotations/instances_val2017.json", "val2017", 2)
    (tmp_path / "annotations/captions_val2017.json").write_text('{"images": [], "annotations": []}')
    source = datasets.open_dataset("coco", tmp_path, {})
    assert source.own_splits == ["train", "validation"]
    assert [item.id for item in everything(source.of_split("validation"))] == [f"val2017/{n}" for n in range(2, 6)]
    assert datasets.open_dataset("coco", tmp_path, {"split": "random"}).own_splits is None


def test_each_annotation_finds_the_image_in_its_own_folder(tmp_path):
    for place, split in enumerate(("train", "valid", "test")):
        coco(tmp_path / split, "_annotations.coco.json", ".", place * 2)
    source = datasets.open_dataset("coco", tmp_path, {})
    assert source.own_splits == ["train", "validation", "test"]
    for place, split in enumerate(source.own_splits):
        items = everything(source.of_split(split))
        assert [int(source.example(item, 8).image[0, 0, 0]) // 20 for item in items] == list(
            range(place * 2, place * 2 + 4)
        )


def test_what_is_wrong_with_coco_is_said(tmp_path, monkeypatch):
    content = coco(tmp_path)
    boxes = [{"image_id": 0, "category_id": 3, "bbox": [1, 2, 3, 4], "segmentation": []}]
    coco(tmp_path, annotations=boxes)
    with pytest.raises(StudyError, match="none of 1 annotations has an outline, only boxes"):
        datasets.open_dataset("coco", tmp_path, {})
    coco(tmp_path, annotations=boxes + content["annotations"])
    assert any(
        "1 of 9 annotations have a box only" in note for note in datasets.open_dataset("coco", tmp_path, {}).notes
    )
    (tmp_path / "images/2.png").unlink()
    with pytest.raises(StudyError, match=r"1 annotated images do not exist \(first: 2\.png\).*allow_missing=true"):
        composed(tmp_path, monkeypatch, "dataset=coco", f"dataset.path={tmp_path}")
    composed(tmp_path, monkeypatch, "dataset=coco", f"dataset.path={tmp_path}", "dataset.options.allow_missing=true")
    coco(tmp_path, categories=[{"id": 3}])
    with pytest.raises(StudyError, match=r"annotations\.json: not annotations of COCO \(categories\.0\.name: Field"):
        datasets.open_dataset("coco", tmp_path, {})


def test_two_annotations_of_an_image_are_no_guess(tmp_path, monkeypatch):
    coco(tmp_path, "a.json")
    coco(tmp_path, "b c.json")
    with pytest.raises(StudyError, match=r"has annotations in a\.json and in b c\.json; choose -S ") as error:
        datasets.open_dataset("coco", tmp_path, {})
    words = [word for word in shlex.split(str(error.value)) if word.startswith("dataset.")]
    assert len(words) == 2
    for word in words:
        dataset = composed(tmp_path, monkeypatch, "dataset=coco", f"dataset.path={tmp_path}", word).dataset
        assert len(everything(datasets.open_dataset("coco", tmp_path, dataset.options))) == 4


def test_of_two_images_beside_a_labelme_file_it_belongs_to_the_one_that_it_names(tmp_path):
    for name in ("a", "b"):
        labelme(tmp_path, name)
        save(tmp_path / f"{name}.png", np.zeros((HEIGHT, WIDTH), np.uint8))
    found = datasets.open_dataset("labelme", tmp_path, {})
    assert len(everything(found)) == 2 and "2 files beside an image, with its name, were left out." in found.notes
    content = json.loads((tmp_path / "b.json").read_text())
    (tmp_path / "b.json").write_text(json.dumps(content | {"imagePath": "../elsewhere/c.jpg"}))
    with pytest.raises(StudyError, match=r"b\.json: beside b\.jpg and b\.png, and its imagePath is neither"):
        datasets.open_dataset("labelme", tmp_path, {})


def test_labelme_is_recognised_and_read(tmp_path, monkeypatch):
    part = io.BytesIO()
    Image.fromarray(np.array([[0, 255, 255], [255, 0, 255]], np.uint8)).save(part, "PNG")
    pasted = {
        "label": "cat",
        "shape_type": "mask",
        "points": [[3, 9], [5, 10]],
        "mask": base64.b64encode(part.getvalue()).decode(),
    }
    line = {"label": "edge", "shape_type": "linestrip", "points": [[0, 0], [3, 3]]}
    labelme(tmp_path / "x", "a", [{"label": "car", "points": CAR}, {"label": "dog", "points": DOG}, pasted, line])
    labelme(tmp_path / "x", "b")
    found = recognise(scan(tmp_path))
    assert (found.dataset, found.fitting) == ("labelme", 2)
    dataset = composed(tmp_path, monkeypatch, *found.words).dataset
    classes = first("labelme", tmp_path, **dataset.options)
    expected = independent(CAR) | independent(DOG)
    expected[9, 4:6] = expected[10, [3, 5]] = True
    assert np.array_equal(classes == 0, expected)
    notes = " ".join(datasets.open_dataset("labelme", tmp_path, dataset.options).notes)
    assert "Labels in 2 files: car, cat, dog, edge." in notes and "1 shapes in these are lines or points" in notes
    classes = first("labelme", tmp_path, classes={"cat": ["cat"]}, ignored=["car"])
    assert (classes == 0).sum() == 4 and np.array_equal(classes == -1, independent(CAR) & ~independent(DOG))


def test_an_annotation_fits_the_image_as_it_is_seen_or_stored(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees clockwise
    labelme(tmp_path, "a", exif=exif, size=(HEIGHT, WIDTH))
    classes = first("labelme", tmp_path)
    assert np.array_equal(classes == 0, np.rot90(independent(CAR) | independent(DOG), -1))
    content = json.loads((tmp_path / "a.json").read_text())
    (tmp_path / "a.json").write_text(json.dumps(content | {"imageHeight": WIDTH, "imageWidth": HEIGHT}))
    classes = first("labelme", tmp_path)
    assert np.array_equal(classes == 0, independent(CAR, WIDTH, HEIGHT) | independent(DOG, WIDTH, HEIGHT))
    (tmp_path / "a.json").write_text(json.dumps(content | {"imageHeight": 11}))
    with pytest.raises(StudyError, match=r"a\.jpg: 12 x 16, but its annotation says 16 x 11"):
        first("labelme", tmp_path)


def test_images_without_labelme_are_left_out_on_request(tmp_path, monkeypatch):
    labelme(tmp_path, "a")
    save(tmp_path / "b.jpg", np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(
        StudyError, match=r"1 images have no JSON file beside them \(first: b\.jpg\).*allow_missing=true"
    ):
        composed(tmp_path, monkeypatch, "dataset=labelme", f"dataset.path={tmp_path}")
    composed(tmp_path, monkeypatch, "dataset=labelme", f"dataset.path={tmp_path}", "dataset.options.allow_missing=true")


def test_a_folder_of_annotations_is_sent_to_its_dataset(tmp_path, monkeypatch):
    coco(tmp_path)
    with pytest.raises(
        StudyError, match="has the layout of COCO annotations; type dvc exp run -S dataset=coco"
    ) as error:
        composed(tmp_path, monkeypatch, "dataset=folder", f"dataset.path={tmp_path}")
    composed(tmp_path, monkeypatch, *shlex.split(str(error.value).partition("type dvc exp run")[2])[1::2])
