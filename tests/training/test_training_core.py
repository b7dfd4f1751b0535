"""What training needs of a machine: torch (with its filelock), NumPy, pydantic and YAML."""

import subprocess
import sys


def test_the_training_core_needs_torch_numpy_pydantic_and_yaml_alone(sample, tmp_path):
    """Without DVC, MLflow, pandas, rich and the others it trains, evaluates epochs and resumes."""
    program = """if True:
        import sys
        blocked = ("dvc", "hydra", "omegaconf", "mlflow", "pandas", "scipy", "matplotlib", "PIL", "rich", "jinja2",
                   "torchvision", "torchmetrics", "skimage", "requests", "segmentation_models_pytorch")

        class Block:
            def find_spec(self, name, path=None, target=None):
                if name.split(".")[0] in blocked:
                    raise ModuleNotFoundError(f"{name} is blocked")

        sys.meta_path.insert(0, Block())
        from pathlib import Path
        from loss_study.data.packed import PackedSample
        from loss_study.config import ModelConfig, RecipeConfig
        from loss_study.training.checkpoint import Checkpoint
        from loss_study.training.train import train
        from loss_study.trial import Trial

        recipe = RecipeConfig.model_validate({
            "name": "bare", "epochs": 1, "batch_size": 4, "optimizer": {"name": "sgd", "lr": 0.1},
            "search": {"lr": [], "epochs": 1, "seed": 9}, "schedule": {"name": "constant"},
            "augmentation": {"flip": 0.5}, "precision": "float32", "threads": 1, "early_stop": 0,
            "freeze": ["encoder"], "cache_features": True,
        })
        with Checkpoint("mask-bce-0", "key") as checkpoint:
            outcome = train(
                Trial("mask", "bce", 0), PackedSample.open(Path("data/sample")),
                ModelConfig(name="resunet", options={"width": 2}), recipe, {}, checkpoint,
                on_step=lambda *_: None, on_epoch=lambda _: None,
            )
        assert len(outcome.history) == 1 and outcome.status == "finished"
        assert not set(blocked) & set(sys.modules), set(blocked) & set(sys.modules)
    """
    subprocess.run([sys.executable, "-c", program], check=True, cwd=tmp_path)
