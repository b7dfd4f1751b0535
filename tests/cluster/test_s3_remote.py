"""A DVC remote on S3, as nodes of a cluster use it: push and pull with the run cache, and what a sick one does.

Needs the packages dvc-s3 and moto[server]; moto is an S3 server on this machine.
"""

import subprocess
import sys
import time
import urllib.request
from importlib.util import find_spec

import pytest
import yaml

from support.ports import free_port

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        not (find_spec("dvc_s3") and find_spec("moto")), reason="an environment with dvc-s3 and moto[server] is needed"
    ),
]
BUCKET = "team"
STAGES = {
    "train": {"cmd": "mkdir out && echo 1 > out/number.txt && echo trained >> ran", "outs": ["out"], "deps": ["code"]},
}


def run(*words, cwd, code=0):
    done = subprocess.run(words, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == code or (code and done.returncode), done.stdout
    return done.stdout


def dvc(*words, cwd, code=0):
    return run(sys.executable, "-m", "dvc", *words, cwd=cwd, code=code)


@pytest.fixture
def bucket(tmp_path, monkeypatch):
    """An empty bucket of an S3 server on loopback, and its address."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    for name, value in {"AWS_ACCESS_KEY_ID": "team", "AWS_SECRET_ACCESS_KEY": "secret"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("HOME", str(tmp_path))
    with (tmp_path / "s3.log").open("w") as said:
        server = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", str(port)], stdout=said, stderr=said
        )
    for _ in range(600):
        try:
            urllib.request.urlopen(f"{address}/moto-api/", timeout=1).close()
            break
        except OSError:
            time.sleep(0.1)
    import boto3

    s3 = boto3.resource("s3", endpoint_url=address)
    s3.create_bucket(Bucket=BUCKET)
    yield s3.Bucket(BUCKET), address, server
    server.kill()
    server.wait()


@pytest.fixture
def clones(bucket, tmp_path):
    """Two clones of a repository with a stage and the remote; the first has trained and pushed."""
    first = tmp_path / "first"
    first.mkdir()
    run("git", "init", "--quiet", cwd=first)
    dvc("init", "--quiet", cwd=first)
    dvc("config", "core.analytics", "false", cwd=first)
    dvc("remote", "add", "--quiet", "--default", "team", f"s3://{BUCKET}/folder", cwd=first)
    dvc("remote", "modify", "--quiet", "team", "endpointurl", bucket[1], cwd=first)
    (first / "code").write_text("1")
    (first / "dvc.yaml").write_text(yaml.safe_dump({"stages": STAGES}))
    run("git", "add", "--all", cwd=first)
    identity = ["-c", "user.name=someone", "-c", "user.email=someone@example.org"]
    run("git", *identity, "commit", "--quiet", "--message", "start", cwd=first)
    second = tmp_path / "second"
    run("git", "clone", "--quiet", str(first), str(second), cwd=tmp_path)
    dvc("repro", "--quiet", cwd=first)
    dvc("push", "--quiet", "--run-cache", cwd=first)
    return first, second


def test_what_a_node_pushed_is_restored_and_not_trained_again(clones):
    _, head = clones
    assert "Running stage" not in dvc("repro", "--pull", cwd=head)
    assert (head / "out/number.txt").read_text() == "1\n" and not (head / "ran").exists()


@pytest.mark.parametrize("body", [b"2\n", b""], ids=["changed", "truncated"])
def test_a_damaged_object_is_never_a_number_where_the_remote_verifies(clones, bucket, body):
    _, head = clones
    (stored,) = [one for one in bucket[0].objects.all() if one.size == 2]
    bucket[0].Object(stored.key).put(Body=body)
    dvc("remote", "modify", "--quiet", "--local", "team", "verify", "true", cwd=head)
    print(dvc("repro", "--pull", cwd=head))
    assert (head / "out/number.txt").read_text() == "1\n"


def test_a_server_that_has_gone_is_an_error_and_the_stage_runs_here(clones, bucket):
    _, head = clones
    bucket[2].kill()
    said = dvc("pull", "--run-cache", cwd=head, code=1)
    assert "Traceback" not in said and "ERROR" in said
    print(said)
