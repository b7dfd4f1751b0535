"""What MLflow calls: arrays in, arrays by head out, depth in its unit."""

import numpy as np

from loss_study.inference import serving
from support.channel_model import METRES, write_model


def test_a_served_model_answers_in_units(tmp_path):
    served = serving._load_pyfunc(str(write_model(tmp_path / "model", depth=METRES)))
    inputs = np.full((2, 3, 16, 48), 0.2, np.float64)
    found = served.predict(inputs)
    assert {head: values.shape for head, values in found.items()} == {"mask": (2, 1, 16, 48), "depth": (2, 1, 16, 48)}
    np.testing.assert_allclose(found["mask"], 0.2, rtol=1e-6)
    np.testing.assert_allclose(found["depth"], 2.25, rtol=1e-6)


def test_relative_depth_stays_as_it_is(tmp_path):
    served = serving._load_pyfunc(str(write_model(tmp_path / "model")))
    np.testing.assert_allclose(served.predict(np.full((1, 3, 16, 16), 0.2, np.float32))["depth"], 0.2, rtol=1e-6)
