"""The sections of the page, in their order: what each one shows, and beside it the template that draws it.

First ``answer``, with ``study`` (what is compared, on which data, in which time, and what would change the answer), and
``images``. Then the chapters, which are folded: ``joint`` where there are joint trainings, ``pairs``, ``curves``,
``learning_rates``, ``metrics``, those of `report.error_analysis`, ``losses`` and ``provenance``. The function `finding`
of a chapter returns the sentence beside its title.
"""
