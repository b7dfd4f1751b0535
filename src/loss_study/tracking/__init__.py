"""MLflow as a mirror of DVC's outputs: every trial that DVC holds is one run, whatever happens to the store.

`store` says where MLflow keeps its runs, `outputs` reads a trial's files, `describe` says what a run is told about
them, `panels` draws its pictures, `model` stores its model, `mirror` fills in the runs that are missing, `study`
hangs them below one run of their study, `views` prepares the table that shows them, and `live` shows a long training
while it runs. MLflow is imported late: it takes seconds.
"""
