"""What can be chosen: by name, a file of ours, or by import path, a class of anybody's; and the files of the latter."""
