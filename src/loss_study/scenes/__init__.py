"""A small ray caster that draws the data set `scenes`: numpy only, every picture from a random generator.

Units are metres; the world's axes are x to the right, y up, z away from the camera, and the ground is y = 0. Colours
are linear-light RGB until `render` develops the picture. Arrays of vectors have their three components first.

Order of reading: `textures`, `solids`, `camera`, `backdrop`, `light`, `render` draw; `places`, `distractors`,
`objects` and `shots` decide what.
"""
