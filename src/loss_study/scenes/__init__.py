"""The ray caster behind the dataset `scenes`: numpy only, every image from a random generator.

Units are metres; the world's axes are x to the right, y up, z away from the camera, and the ground is y = 0. Colours
are linear-light RGB until `render` develops the image. Arrays of vectors have their three components first.

How a scene is drawn: `textures`, `solids`, `unit_shapes`, `group`, `camera`, `ground_and_sky`, `light`, `render`. What
is in it: `backgrounds`, `distractors`, `objects`, `shots`. Nothing here knows about files, datasets or samples.
"""
