# Two commands: `make study` runs the study, `make test` tests the program. `make help` lists the rest.
# Choices as for `dvc exp run -S`: make study CHOICES="recipe=tuned seeds=[0,1,2]"
PYTHON ?= python3
BIN := .venv/bin
PORT ?= 5000
KILLS ?= 20
SECONDS ?= 60
JOBS ?= 0
MINUTES ?= 10
# uv takes a quarter of pip's time; pip takes over where uv cannot reach the index that pip is configured for.
INSTALL = uv pip install --quiet --system-certs --python $(BIN)/python --require-hashes -r $(1) || \
    python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r $(1)
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Where it is set, every process would compile all of torch's Python files anew, which takes it 5 seconds more.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help study test long ui params docs pins bench chaos fuzz clean

help: ## List the commands
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## /  make \1\t/' | expand -t 16

study: .venv/study ## Run the study, JOBS trainings at once; starts no further round after MINUTES (10; 0: no limit)
	$(if $(CHOICES),loss-study compose $(CHOICES))
	loss-study run --jobs $(JOBS) --minutes $(MINUTES)

test: .venv/test ## Run the linter and all tests
	ruff check .
	ruff format --check .
	python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder

long: .venv/test ## Run the tests that take half a minute or more each: experiments, a cluster, a team's server, kills
	python -m pytest -m long

ui: .venv/study ## Browse the runs in MLflow at http://127.0.0.1:5000 (PORT=...)
	loss-study ui --port $(PORT)

params: .venv/study ## Compose conf/ into params.yaml
	loss-study compose

docs: .venv/test ## Make the README's picture and the result tables from the committed results
	python docs/build.py

pins: .venv/test ## Pin the newest versions that setup.cfg and requirements/*.in allow
	$(COMPILE) requirements/uv.in --output-file requirements/uv.txt
	$(COMPILE) setup.cfg --extra study --output-file requirements/study.txt
	$(COMPILE) setup.cfg --all-extras --constraint requirements/study.txt --output-file requirements/test.txt
	@# Of the study's pins only MLflow's: boto3 wants an older python-dateutil than the others.
	grep -o '^mlflow==[^ ]*' requirements/study.txt | \
	    $(COMPILE) requirements/team.in --constraint - --output-file requirements/team.txt
	$(COMPILE) requirements/team-test.in --constraint requirements/team.txt --output-file requirements/team-test.txt

bench: .venv/test ## Measure against other ways and the machine's limits, forty minutes
	python benchmarks/step.py
	python benchmarks/data_path.py
	python benchmarks/memory.py
	python benchmarks/roofline.py
	python benchmarks/epoch.py
	python benchmarks/epoch.py --width 8 --size 64 --threads 1 --usual-batch-size 16
	python benchmarks/study.py 'seeds=[0,1,2]'
	python benchmarks/results.py

chaos: .venv/test ## Kill a study KILLS times, each time comparing its end with an undisturbed one; FOLDER=... to go on
	PYTHONPATH=tests python -m support.chaos --kills $(KILLS) $(if $(FOLDER),--folder $(FOLDER))

fuzz: .venv/test ## Feed damaged files, archives, answers and parameters to the program for SECONDS (60)
	PYTHONPATH=tests python -m support.fuzz --seconds $(SECONDS)

clean: ## Remove what the study made; DVC's cache stays
	rm -rf data parents tuning runs eval decisions checkpoints

# The marker files say which pins are installed; a changed pin installs again.
.venv/python:
	@git rev-parse --git-dir >/dev/null 2>&1 || \
	    { echo "error: no git repository here, and DVC needs one; clone the project, or run 'git init' first"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "error: Python 3.11 or later is needed; say which with make PYTHON=/path/to/python3"; exit 1; }
	$(PYTHON) -m venv .venv
	touch $@

.venv/study: .venv/python requirements/uv.txt requirements/study.txt setup.cfg
	python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	$(call INSTALL,requirements/study.txt)
	python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@# DVC keeps experiments as git commits, and git makes none without a name.
	@git config user.email >/dev/null || { echo "git has no user.name here: setting one for this repository"; \
	    git config user.name "Loss Study"; git config user.email loss-study@localhost; }
	touch $@

.venv/test: .venv/study requirements/test.txt
	$(call INSTALL,requirements/test.txt)
	touch $@
