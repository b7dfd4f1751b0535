"""What is in a dataset, before anything is trained: ``loss-study inspect``, the stage `inspect`, and the report.

command.py        the subcommand: from a folder or an archive to the command that studies it
proposal.py       which choices read a folder, and how to type them
inspect.py        what an open dataset holds, as tables and warnings
examples.py       which images are looked at, and what is read of them
files.py          sizes, formats and values of files
near_copies.py    images of different splits that look the same
contact_sheet.py  images, backgrounds, masks and depth maps side by side, as a network gets them
refusal.py        what `check` prints of a dataset that it refuses
findings.py       the result: kept as JSON, printed, shown on the report's page
"""
