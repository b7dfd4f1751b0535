"""Where the user's Kaggle token is read from; every token here is made up."""

import base64
import json

import pytest

from loss_study.download.kaggle import authorization, is_kaggle
from loss_study.runtime.errors import StudyError

URL = "https://www.kaggle.com/api/v1/competitions/data/download/some/train.zip"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    for name in ("KAGGLE_API_TOKEN", "KAGGLE_USERNAME", "KAGGLE_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path))
    return tmp_path


def basic(user, key):
    return "Basic " + base64.b64encode(f"{user}:{key}".encode()).decode()


def test_each_place_goes_before_the_next(folder, monkeypatch):
    with pytest.raises(StudyError, match="needs your own token; create a token at"):
        authorization(URL)
    (folder / "kaggle.json").write_text(json.dumps({"username": "anna", "key": "k1"}))
    assert authorization(URL) == basic("anna", "k1")
    (folder / "access_token").write_text("t1\n")
    assert authorization(URL) == "Bearer t1"
    monkeypatch.setenv("KAGGLE_USERNAME", "bert")
    assert authorization(URL) == "Bearer t1"
    monkeypatch.setenv("KAGGLE_KEY", "k2")
    assert authorization(URL) == basic("bert", "k2")
    monkeypatch.setenv("KAGGLE_API_TOKEN", "t2")
    assert authorization(URL) == "Bearer t2"


@pytest.mark.parametrize("text", ["", "[]", '{"username": "anna"}'])
def test_a_damaged_file_is_named(folder, text):
    (folder / "kaggle.json").write_text(text)
    with pytest.raises(StudyError, match=r"kaggle\.json: not a Kaggle token"):
        authorization(URL)


def test_only_kaggle_gets_the_token():
    assert is_kaggle(URL)
    elsewhere = ["https://www.kaggle.com.example.org/x", "https://example.org/https://www.kaggle.com/x"]
    for url in (*elsewhere, "https://www.kaggle.com@example.org/x", URL.replace("https", "http")):
        assert not is_kaggle(url)
