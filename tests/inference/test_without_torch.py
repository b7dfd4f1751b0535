"""A prediction needs NumPy, Pillow, onnxruntime and rich, and nothing else."""

import subprocess
import sys

import numpy as np
from PIL import Image

from support.channel_model import METRES, write_model
from support.clone import ROOT
from support.data_at_hand import save

#: Refuses every package but these and what they import.
CODE = """
import sys

WANTED = {"loss_study", "numpy", "PIL", "onnxruntime", "rich"}
BROUGHT = {"pygments", "markdown_it", "mdurl", "flatbuffers", "google", "packaging"}

class Refuse:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in WANTED | BROUGHT | set(sys.stdlib_module_names):
            raise ModuleNotFoundError(f"{name} is not here", name=name)

sys.meta_path.insert(0, Refuse())
from loss_study.cli import main
sys.argv = ["loss-study", "predict", *sys.argv[1:]]
try:
    main()
finally:
    print("torch" in sys.modules, flush=True)
"""


def test_predict_runs_where_nothing_but_its_few_packages_is_installed(tmp_path):
    write_model(tmp_path / "model", background=True, depth=METRES)
    save(tmp_path / "photo.png", np.full((10, 20, 3), 51, np.uint8))
    command = [sys.executable, "-c", CODE, "model", "photo.png", "--background", "photo.png", "--csv"]
    environment = {"PYTHONPATH": str(ROOT / "src"), "PATH": ""}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "False"
    depth = np.asarray(Image.open(tmp_path / "predictions/photo.depth.png"))
    assert depth.shape == (10, 20) and np.abs(depth.astype(int) - 2250).max() <= 1
