"""The study on a Ray cluster: ``loss-study cluster``.

The head, `study`, checks what is to run and hands it out; `shipment` is what it sends along; `node` is what a node does
with a task. Data and results travel through the DVC remote, never through Ray.
"""
