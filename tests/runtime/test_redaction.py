"""No password and no token is shown or kept."""

import base64
import json
import re
from pathlib import Path

import pytest
import yaml

from loss_study import config
from loss_study.config import load_config
from loss_study.download.prepare import prepare
from loss_study.runtime.errors import StudyError, run_stage
from loss_study.runtime.redaction import has_secret, without_secrets
from support.file_server import serving

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://me:hidden@host/a.zip: HTTP 404", "https://host/a.zip: HTTP 404"),
        ("https://me:hid@den@host/a@2x.zip", "https://host/a@2x.zip"),
        ("s3://hidden@bucket", "s3://bucket"),
        ("see 'https://host/a?X-Amz-Signature=hidden&x=1' and wait", "see 'https://host/a' and wait"),
        ("Max retries exceeded with url: /a?token=hidden (timeout)", "Max retries exceeded with url: /a (timeout)"),
        ("did you mean 'dice'? (known: bce, dice)", "did you mean 'dice'? (known: bce, dice)"),
        ("a bomb?)", "a bomb?)"),
    ],
)
def test_what_opens_a_door_is_not_shown(text, shown):
    assert without_secrets(text) == shown


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://me:pw@host/a.zip", True),
        ("https://ghp_x@host/a.zip", True),
        ("https://host/a.zip?token=x", True),
        ("https://host/a.zip?b=1&X-Amz-Signature=x", True),
        ("https://host/a.zip?sv=1&sig=x", True),
        ("https://host/a.zip?api_key=x", True),
        *(
            (f"https://host/a.zip?b=1&{name}=x", True)
            for name in ("code", "jwt", "pass", "ticket", "accessToken", "SID")
        ),
        ("https://host/a.zip?download=1", False),
        ("https://host/a.zip?encode=1&passage=2&resourceKey1=3", False),
        ("https://drive.google.com/file/d/1aB2cD3eF4gH5iJ6kL7mN8oP9q/view?usp=sharing&resourcekey=0-x", False),
        ("https://host/user@2x.png", False),
        ("/data/me:you@home", False),
        ("what? token=x", False),
    ],
)
def test_secrets_are_known(address, expected):
    assert has_secret(address) is expected


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("dataset", "urls", ["https://host/a.zip", "https://me:hidden@host/b.zip"]),
        ("dataset", "path", "https://host/a?token=hidden"),
        ("model", "options", {"weights": "https://host/w?access_token=hidden"}),
    ],
)
def test_params_yaml_takes_no_secret(section, key, value, tmp_path):
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    values[section][key] = value
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(values))
    with pytest.raises(StudyError, match=rf"^{section}\.{key}.* holds a password or a token") as refused:
        load_config(path)
    assert "hidden" not in str(refused.value)


def test_an_error_shows_no_secret(capsys):
    def main():
        raise StudyError("https://me:hidden@host/a?token=hidden HTTP 403")

    with pytest.raises(SystemExit):
        run_stage(main)
    assert capsys.readouterr().err == "error: https://host/a HTTP 403\n"


def test_user_and_password_come_from_netrc_and_are_kept_nowhere(tmp_path, monkeypatch, capsys):
    """What the refusal tells the user to do, with a server that asks for it."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password hidden\n")
    monkeypatch.setenv("NETRC", str(netrc))
    values = yaml.safe_load((ROOT / "params.yaml").read_text())["dataset"]
    with serving(monkeypatch) as server:
        server.token = "Basic " + base64.b64encode(b"me:hidden").decode()
        server.files["/list.csv"] = b"a,b\n"
        dataset = config.DatasetConfig(**{**values, "urls": [server.url("/list.csv")]})
        prepare(dataset, tmp_path / "out" / "source", tmp_path / "out" / "downloads")
    assert (tmp_path / "out/source/files/list.csv").read_bytes() == b"a,b\n"
    kept = "".join(path.read_text() for path in (tmp_path / "out").rglob("*") if path.is_file())
    said = capsys.readouterr()
    assert "list.csv" in json.dumps(kept) and not re.search("hidden|bWU6aGlkZGVu", kept + said.out + said.err)
