"""MLflow as a mirror of DVC's outputs: every trial that DVC holds is one run, whatever happens to the store.

`store` says where MLflow keeps its runs, `outputs` reads a trial's files, `describe` says which names and values a run
gets, `panels` draws its images, `model` stores its model (a `predictor`), `mirror` completes the runs, `study` makes
one run for each study, `views` saves the tables that show them, `live` shows a training in progress, and `ui` serves
the pages. All of it is read from files; nothing is imported from `training`. MLflow is imported late: it takes 2 s.
"""
