"""The model that a study leads to: ``loss-study final`` trains it, measures it once and writes the folder ``model/``.

To read in this order: `decision` (which loss for which head), `data` (what it is trained on), `training`, `measure`
(once, on the test split), `export` (``model.onnx``, checked), `write` (the folder, with the card of `card`),
`register` (MLflow's registry), `command`.
"""
