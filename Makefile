# Every target works on a fresh checkout: it makes the environment it needs, once.
# VENV=/path uses another virtual environment, PYTHON=python3.12 another interpreter, JOBS=n other parallelism.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

PYTHON ?= python3
VENV ?= .venv
JOBS ?= 2
CLUSTER ?= /tmp/gristmill-cluster
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/gristmill
EXTRAS := demo,frames,http,gcs,azure,operator,worker,cluster,test,lint
BENCHES ?= $(filter-out measuring peer_engines cluster_%,$(basename $(notdir $(wildcard bench/*.py))))
# Of the oldest protobuf that pyproject.toml allows: what it generates runs on that one and on all newer ones.
PROTOC := grpcio-tools==1.73.1 'setuptools<81'
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
TPC = GRISTMILL_TPC_SCALE=$${SCALE:-1} $(BIN)/python -m pytest -q -o cache_dir=$(CACHE)/pytest --timeout 3000 \
  tests/sql/test_tpc_scale.py -k
SOURCES := core sql operator worker-image cli charts examples tests bench

export MYPY_CACHE_DIR ?= $(CACHE)/mypy
export RUFF_CACHE_DIR ?= $(CACHE)/ruff
export HYPOTHESIS_STORAGE_DIRECTORY ?= $(CACHE)/hypothesis
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help
help: ## list what can be done
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(INSTALLED): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt hatchling --editable '.[$(EXTRAS)]'
	touch $@

.PHONY: install
install: $(INSTALLED) ## make the environment in .venv (or in VENV)

.PHONY: demo
demo: $(INSTALLED) ## word count and a SQL query on real data, in worker processes
	$(BIN)/gristmill demo

.PHONY: test
test: $(INSTALLED) ## all tests, the slow ones as slices
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder --max-worker-restart 0 -o cache_dir=$(CACHE)/pytest $(TESTS)

.PHONY: sim
sim: $(INSTALLED) ## the scheduler under tens of thousands of simulated failures (minutes)
	GRISTMILL_SIMULATIONS=$${GRISTMILL_SIMULATIONS:-20000} $(BIN)/python -m pytest -n $(JOBS) -o cache_dir=$(CACHE)/pytest \
	  --hypothesis-profile deep --timeout 3000 tests/schedule

.PHONY: fuzz
fuzz: $(INSTALLED) ## every property test with many more examples (minutes)
	GRISTMILL_FUZZ=$${GRISTMILL_FUZZ:-20000} GRISTMILL_FUZZ_SEED=$${GRISTMILL_FUZZ_SEED:-$$(date +%s)} \
	  $(BIN)/python -m pytest -n $(JOBS) -o cache_dir=$(CACHE)/pytest \
	  --hypothesis-profile deep --timeout 30000 -m 'not cluster' tests

.PHONY: tpch
tpch: $(INSTALLED) ## all of TPC-H at scale factor 1 in worker processes, against DuckDB (SCALE=10)
	$(TPC) tpch

.PHONY: tpcds
tpcds: $(INSTALLED) ## all of TPC-DS at scale factor 1 in worker processes, against DuckDB (SCALE=10)
	$(TPC) tpcds

.PHONY: bench
bench: $(INSTALLED) ## the benchmarks of bench/, as ratios (an hour; BENCHES="word_count total_sort" picks some)
	for name in $(BENCHES); do $(BIN)/python bench/$$name.py; done

.PHONY: lint
lint: $(INSTALLED) ## ruff, mypy --strict, import directions
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports --cache-dir $(CACHE)/import-linter

.PHONY: fmt
fmt: $(INSTALLED) ## format the code and sort its imports
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

.PHONY: proto
proto: ## generate the messages of core/gristmill/wire from its .proto files
	test -x $(CACHE)/proto/bin/python || $(PYTHON) -m venv $(CACHE)/proto
	$(CACHE)/proto/bin/pip install --quiet $(PROTOC)
	$(CACHE)/proto/bin/python -m grpc_tools.protoc -I core --python_out=core --pyi_out=core core/gristmill/wire/*.proto

.PHONY: crds
crds: $(INSTALLED) ## generate the resource definitions, and what the chart holds of them and of its values
	$(BIN)/python -m gristmill_operator.crds crds
	$(BIN)/python charts/generate.py

.PHONY: kind-images
kind-images: ## build both images with Docker and load them into the kind cluster
	version=$$(sed -n 's/^__version__ = "\(.*\)"/\1/p' core/gristmill/version.py); \
	docker build -t gristmill:$$version . && docker build -t gristmill-worker:$$version -f worker-image/Dockerfile . && \
	kind load docker-image gristmill:$$version gristmill-worker:$$version

.PHONY: cluster-up
cluster-up: $(INSTALLED) ## a two-node Kubernetes on this machine, with images and an S3 server (CLUSTER=FOLDER)
	$(BIN)/python -m tests.cluster.harness up $(CLUSTER)

.PHONY: cluster-down
cluster-down: $(INSTALLED) ## end that cluster and remove all of it
	$(BIN)/python -m tests.cluster.harness down $(CLUSTER)

.PHONY: demo-cluster
demo-cluster: $(INSTALLED) ## install the chart on that cluster, run a job and a query there, show their results
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m tests.cluster.demo $(CLUSTER)

.PHONY: wheel
wheel: $(INSTALLED) ## build the wheel into dist/
	$(BIN)/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

.PHONY: lock
lock: ## write constraints.txt anew from the newest releases that pyproject.toml allows
	rm -rf $(CACHE)/lock && $(PYTHON) -m venv $(CACHE)/lock
	$(CACHE)/lock/bin/pip install --quiet hatchling '.[$(EXTRAS)]'
	{ sed -n '/^#/p' constraints.txt; $(CACHE)/lock/bin/pip freeze | grep -v '^gristmill '; } > constraints.new
	mv constraints.new constraints.txt

.PHONY: clean
clean: ## remove what was built, not the caches under ~/.cache
	rm -rf .venv build dist out data .hypothesis .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -not -path './.git/*' -type d -prune -exec rm -rf {} +
