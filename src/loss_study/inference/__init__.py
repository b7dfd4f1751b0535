"""Prediction with a finished model: its folder, the runtimes that compute it, and the command ``loss-study predict``.

To read in this order: `contract` (``model.json``), `folder` (the files and their digests), `runtimes` (onnxruntime or
torch), `inputs` (which images), `predict` (the work), `outputs` and `overlay` (what is written), `command`.

All but `torch_runtime` needs NumPy, Pillow, onnxruntime and rich only: a machine that predicts needs no torch.
"""
