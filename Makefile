# make demo and make test each set up all they need; what they make lies in .venv, .venv-gen and .make.
SHELL := /bin/bash
.DELETE_ON_ERROR:
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || echo python3)
BIN := .venv/bin
PROTOS := $(wildcard protos/assayd/v1/*.proto)
OPEN_INFERENCE := server/assayd_server/rpc/open_inference
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_QUIET := 1
export ORT_DISABLE_TELEMETRY := 1

.PHONY: help demo test check lint types stubs check-stubs protos-lint unit prometheus bench soak fuzz chaos faketime \
  clients image fleet audit sbom test-matrix format docs example notebook baseline constraints wheel clean
help: ## Show this text
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

demo: .make/server ## Serve the demo's model and do the main job with it
	@$(BIN)/assayd demo

test: check unit ## Lint, types, protos, generated stubs, tests with coverage; LONG=1 for the long tests too

check: lint types protos-lint check-stubs

lint: .make/dev
	@echo "lint"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet . || { echo "not formatted: make format"; exit 1; }
	@$(BIN)/bandit --quiet --configfile pyproject.toml --recursive server client

types: .make/dev
	@echo "types"
	@$(BIN)/mypy

protos-lint: .make/dev
	@echo "protos"
	@cd protos && ../$(BIN)/buf lint

unit: .make/dev prometheus
	@echo "tests"
	@$(BIN)/pytest $(if $(LONG),,-m "not long") --numprocesses 2 --dist loadgroup --cov --cov-report=
	@$(BIN)/coverage report
	@echo "branches of core/ and of the client"
	@$(BIN)/coverage report --include='client/assayd/*,server/assayd_server/core/*' --fail-under=100

# Some tests ask a real Prometheus. Debian's packages are unpacked into .make, which takes no root and starts no service;
# with FLEET_TESTS=required, as in CI, it is an error where they cannot be had.
DEBIAN_PROGRAMS := prometheus promtool prometheus-alertmanager
APT := apt-get -qq -o APT::Sandbox::User=root -o Dir::State::Lists=$(CURDIR)/.make/apt/lists \
  -o Dir::Cache=$(CURDIR)/.make/apt/cache

prometheus:
	@export PATH="$(CURDIR)/.make/debian/usr/bin:$$PATH"; \
	  here() { for name in $(DEBIAN_PROGRAMS); do command -v $$name >/dev/null || return 1; done; }; \
	  here || { echo "fetching Debian's Prometheus and Alertmanager ..."; \
	    mkdir -p .make/apt/lists/partial .make/apt/cache/archives/partial .make/debian; \
	    (cd .make/apt && $(APT) update && $(APT) download prometheus prometheus-alertmanager && \
	      for package in *.deb; do dpkg-deb --extract $$package ../debian; done); \
	    rm -rf .make/apt; }; \
	  here || { echo "no Prometheus here, and none to be had by apt-get: tests that ask one are left out"; \
	    [ "$$FLEET_TESTS" != required ]; }

test-matrix: .make/dev prometheus ## The tests with the lowest and the newest versions, on each Python; ONLY=lowest-3.11 for one
	@$(BIN)/python tests/matrix.py $(if $(ONLY),--only $(ONLY))

soak: .make/dev ## What a server withstands, some twenty minutes on two quiet CPUs; ONLY="swap drain" for parts
	@$(BIN)/python -m benchmarks.soak $(ONLY)

fuzz: .make/dev ## 200,000 messages that nobody should send, in some ten minutes on two CPUs; SEED=1 for those of before
	@$(BIN)/python -m benchmarks.fuzz $(if $(SEED),--seed $(SEED))

# Every pinned package is asked about; an exception would be an --ignore-vuln with its reason here. There are none.
audit: .make/dev ## Known weaknesses of what constraints.txt pins, which asks PyPI, or OSV=http://... that speaks OSV's API; bandit
	@$(BIN)/bandit --quiet --configfile pyproject.toml --recursive server client
	@$(BIN)/pip-audit --strict --disable-pip --no-deps --requirement constraints.txt \
	  $(if $(OSV),--vulnerability-service osv --osv-url $(OSV))

sbom: .make/dev ## Write dist/sbom.cdx.json: what assayd[server,cli,objectstore,otel] consists of, as it is pinned
	@rm -rf .venv-sbom && $(PYTHON) -m venv --without-pip .venv-sbom && mkdir -p dist
	@$(BIN)/pip --python .venv-sbom/bin/python install --constraint constraints.txt ".[server,cli,objectstore,otel]"
	@$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --mc-type application --output-reproducible \
	  --output-file dist/sbom.cdx.json .venv-sbom/bin/python
	@rm -rf .venv-sbom

chaos: .make/dev faketime ## Faults on real servers under load, some ten minutes; ONLY="frozen idle" for parts
	@$(BIN)/python -m benchmarks.chaos $(ONLY)

# The faults of the clock take libfaketime, which is unpacked into .make as Prometheus is; without it they are left out.
faketime:
	@ls /usr/lib/*/faketime/libfaketimeMT.so.1 .make/debian/usr/lib/*/faketime/libfaketimeMT.so.1 >/dev/null 2>&1 || { \
	  mkdir -p .make/apt/lists/partial .make/apt/cache/archives/partial .make/debian; \
	  (cd .make/apt && $(APT) update && $(APT) download libfaketime && dpkg-deb --extract libfaketime_*.deb ../debian) \
	    || echo "no libfaketime here, and none to be had by apt-get: the clock is left alone"; \
	  rm -rf .make/apt; }

fleet: .make/dev prometheus ## Replicas in network namespaces: scaled, rolled, cut off, and an alert; needs root; ONLY=cutting for a part
	@PYTHONPATH=tests:. $(BIN)/python -m live_fleet $(ONLY)

image: .make/dev ## Build the image with buildah and run it with runc, without any privilege; needs root, and BASE=... or debootstrap
	@PYTHONPATH=tests:. $(BIN)/python -m image

clients: .make/dev ## Real clients of Triton, MLServer and KServe against assayd, each in an environment of its own
	@$(BIN)/python tests/standard_clients $(if $(ONLY),--only $(ONLY))

format: .make/dev ## Format the code
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format --quiet .

bench: .make/dev ## Measure assayd beside Triton, MLServer and the limits, in 20 minutes; ONLY=one_row for one benchmark
	@PYTHON=$(CURDIR)/$(BIN)/python benchmarks/serving/peers/setup.sh
	@$(BIN)/python -m benchmarks.serving $(if $(ONLY),--only $(ONLY))

stubs: .make/gen ## Write the generated stubs anew
	@$(call generate,client)
	@$(call generate_open_inference,$(OPEN_INFERENCE))

docs: .make/dev ## Write docs/settings.md and docs/metrics.md anew
	@$(BIN)/python docs/reference.py

example: .make/dev ## Run the worked examples on letters, write their tables and plots; ONLY=rare_letter for one (long_tail, noisy_labels)
	@for name in $(or $(ONLY),pool_learning rare_letter unseen_letters); do \
	  $(BIN)/python -m examples.letters.$$name || exit; done

notebook: .make/dev ## Run examples/active_learning.ipynb and write it with its outputs
	@$(BIN)/python tests/notebooks.py examples/active_learning.ipynb

baseline: .make/dev ## At a release: make the protos what later ones are compared with
	@cd protos && ../$(BIN)/buf build --exclude-source-info --path assayd -o ../tests/data/assayd.v1.binpb
	@cd protos && ../$(BIN)/buf build --exclude-source-info --path inference -o ../tests/data/inference.binpb

check-stubs: .make/gen
	@echo "generated stubs"
	@rm -rf .make/stubs && mkdir -p .make/stubs
	@$(call generate,.make/stubs)
	@diff -r --exclude=__init__.py --exclude=__pycache__ .make/stubs/assayd/v1 client/assayd/v1 \
	  || { echo "the stubs in client/assayd/v1 are not what the protos give: make stubs"; exit 1; }
	@$(call generate_open_inference,.make/stubs)
	@for name in open_inference.binpb open_inference_pb2.pyi; do cmp .make/stubs/$$name $(OPEN_INFERENCE)/$$name || \
	  { echo "the stubs in $(OPEN_INFERENCE) are not what the protos give: make stubs"; exit 1; }; done

# Descriptors alone, for a pool of their own: modules as protoc writes them would clash with those of other clients.
define generate_open_inference
.venv-gen/bin/python -W ignore -m grpc_tools.protoc -I protos/inference --pyi_out=$(1) \
  --descriptor_set_out=$(1)/open_inference.binpb protos/inference/open_inference.proto
endef

# -I protos makes the proto path the Python path, so the imports in the stubs need no rewriting
define generate
PATH="$(CURDIR)/.venv-gen/bin:$$PATH" .venv-gen/bin/python -W ignore -m grpc_tools.protoc -I protos \
  --python_out=$(1) --pyi_out=$(1) --grpc_python_out=$(1) --mypy_grpc_out=quiet:$(1) $(PROTOS)
endef

constraints: ## Pin the newest versions that pyproject.toml admits
	@rm -rf .venv-pin && $(PYTHON) -m venv .venv-pin && .venv-pin/bin/pip install --upgrade pip
	@.venv-pin/bin/pip install --editable ".[server,cli,objectstore,otel]" --group dev
	@{ echo "# Written by make constraints: what is installed by make demo, make test and the Dockerfile."; \
	   .venv-pin/bin/pip freeze --exclude-editable; } > constraints.txt
	@rm -rf .venv-pin

wheel: .make/dev ## Build the wheel and the sdist into dist/
	@$(BIN)/python -m build --outdir dist

clean: ## Remove everything that make made
	@rm -rf .venv .venv-* .make dist

.make/venv:
	@echo "setting up .venv with $(PYTHON) ..."
	@mkdir -p .make && $(PYTHON) -m venv .venv && $(BIN)/pip install --upgrade pip
	@touch $@

.make/server: .make/venv pyproject.toml constraints.txt
	@echo "installing assayd[server] ..."
	@$(BIN)/pip install --constraint constraints.txt --editable ".[server]"
	@touch $@

.make/dev: .make/server
	@echo "installing what the tests need ..."
	@$(BIN)/pip install --constraint constraints.txt --editable ".[server,cli,objectstore,otel]" --group dev
	@touch $@

.make/gen: pyproject.toml
	@echo "setting up .venv-gen for the generated stubs ..."
	@mkdir -p .make && $(PYTHON) -m venv .venv-gen && .venv-gen/bin/pip install --upgrade pip
	@.venv-gen/bin/pip install --group gen
	@touch $@
