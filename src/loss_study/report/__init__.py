"""What a person reads after a study: the page, the tables and the terminal. It reads `loss_study.statistics`.

- `build`: every file of the report; `publish`: writes them;
- `page` and `sections`: ``index.html``, one module and one template for each section;
- `error_analysis`: the sections on gradients, learning speed and errors;
- `tables`: ``metrics.json``, ``compare.csv`` and ``curves.csv``; the tables of a ranking are in
  `statistics.tables`;
- `panels`, `colouring`, `charts`, `palette`, `macros`: images, curves and colours that several sections share;
- `terminal`: the ranking on the terminal.
"""
