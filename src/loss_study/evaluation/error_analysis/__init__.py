"""Why a loss ranks where it does: what `evaluate` writes as ``error_analysis.json`` in the trial's folder.

- ``gradients``: where the loss's gradient lies on images of the sample, before and after training (`gradients`);
- ``response``: how the loss pulls one pixel, by what is predicted there (`pixel_response`); null for several classes;
- ``errors``: where the predictions of the test split are wrong (`mask_errors`, `class_errors`, `depth_errors`);
- ``kept``: image numbers of the rows of ``test.npy`` (`shown_images.stored_places`).
"""
