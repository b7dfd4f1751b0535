"""A trial taken apart, to say why a loss ranks where it does; `evaluate` writes it as ``eval/<trial>/anatomy.json``.

- ``gradients``: where on real pictures the loss's gradient lies, before and after training (`anatomy.gradients`);
- ``response``: how one pixel is pulled, by what is predicted there (`anatomy.response`); null for several classes;
- ``errors``: where the predictions of the test split are wrong (`anatomy.mask_errors`, `anatomy.class_errors`,
  `anatomy.depth_errors`);
- ``kept``: picture numbers of the rows of ``test.npy`` (`anatomy.kept`).
"""
