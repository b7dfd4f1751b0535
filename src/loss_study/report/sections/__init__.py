"""The sections of the page, in their order: what each one shows, and beside it the template that draws it.

``answer``, ``ranking``, ``conclusions``, ``metrics``, ``curves``, ``images``, those of `report.error_analysis`,
``learning_rates``, ``losses`` and ``provenance``.
"""
