# `make report` runs the series, `make test` runs the tests; both set up .venv first.
PYTHON ?= python3
BIN := .venv/bin
DATA ?=
REPORT ?=
RUN ?=
PROFILE ?=
UNET ?=
PEER ?=
UV := uv==0.13.8

.PHONY: report paper dashboard test lint format lab bench bench-engines lock readme clean help

report: .venv/.ready  ## run all notebooks and write the report (DATA=folder PROFILE=smoke|demo|full)
	$(BIN)/python run_all.py $(if $(DATA),--data "$(DATA)") $(if $(PROFILE),--profile $(PROFILE))

paper: .venv/.ready  ## print a report's paper.pdf anew (REPORT=name, else the last); needs Chromium, and says how to get it
	$(BIN)/steel paper-pdf $(REPORT)

dashboard: .venv/.ready  ## look at data and a run in the browser (DATA=folder RUN=name)
	$(BIN)/steel dashboard $(if $(DATA),--data "$(DATA)") $(if $(RUN),--run "$(RUN)")

test: .venv/.ready  ## run the whole test suite
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

lint: .venv/.ready  ## check style
	$(BIN)/ruff check
	$(BIN)/ruff format --check

format: .venv/.ready  ## mend style, strip the notebooks' outputs
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(BIN)/nbstripout notebooks/*.ipynb

lab: .venv/.ready  ## open the notebooks in JupyterLab
	$(BIN)/jupyter lab --notebook-dir notebooks

bench: .venv/.ready bench-engines  ## time our code beside what people use today, in one run (see bench-engines); over an hour
	$(BIN)/python benchmarks/rle.py
	$(BIN)/python benchmarks/loader.py
	$(BIN)/python benchmarks/groups.py
	$(BIN)/python benchmarks/submission.py
	$(BIN)/python benchmarks/predict.py
	$(BIN)/python benchmarks/line_camera.py --out /dev/null
	$(BIN)/python benchmarks/line_camera.py --once --out /dev/null
	$(BIN)/python benchmarks/cluster.py
	$(BIN)/python benchmarks/dashboard.py

bench-engines: .venv/.ready  ## time all engines, and how tasks grow (DATA=folder UNET=bundle PEER=python); takes an hour
	$(BIN)/python benchmarks/engines.py $(if $(DATA),--data "$(DATA)") $(if $(UNET),--unet "$(UNET)") $(if $(PEER),--peer "$(PEER)")
	$(BIN)/python benchmarks/growth.py

readme: .venv/.ready  ## write README.md's results, and the pages of reports, models and benchmarks
	$(BIN)/steel readme
	$(BIN)/python benchmarks/write_results.py

lock:  ## pin every package anew, for all platforms and Pythons; needs the network
	$(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip install --quiet $(UV)
	build/lock/bin/uv pip compile pyproject.toml --extra test --universal --python-version 3.11 --upgrade \
	  --generate-hashes --no-emit-index-url --no-header --quiet --output-file requirements.lock
	build/lock/bin/python tools/write_environment.py

clean:  ## remove what the setup and the runs made; reports stay
	rm -rf .venv build runs

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*##/\1:/p' $(MAKEFILE_LIST)

.venv/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "$(PYTHON) is no Python from 3.11 to 3.13. Name one: make PYTHON=python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
