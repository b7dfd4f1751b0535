"""Drawing, splitting and packing the sample: what the stage `sample` does. `data` reads what it leaves."""
