# The task vocabulary: `make` alone prints it. Needs Python 3.11 or newer, a C compiler and make.
.DEFAULT_GOAL := help
SHELL := /bin/sh

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
READY := $(VENV)/.ready
STACK_READY := $(VENV)/.stack-ready
SPARK_READY := $(VENV)/.spark-ready

# Of `make run`: where everything is kept, and files of your own instead of the simulation.
STATE ?= $(or $(TVREC_STATE_DIR),var)
RATINGS ?= $(TVREC_RATINGS_FILE)
CATALOGUE ?= $(TVREC_CATALOGUE_FILE)
# Settings given as `make run TVREC_MLFLOW_PORT=5001`.
export $(filter TVREC_% MLFLOW_% S3_% AWS_%,$(.VARIABLES))

COMPILE := $(UV) pip compile -q --universal --generate-hashes --no-emit-index-url \
	--no-emit-find-links --custom-compile-command 'make lock'

DEPLOYABLES := data-exporter event-generator model-builder recommendations-service mlflow-server

# Of `make images`: NAME/VERSION, and further flags of docker build.
IMAGES := $(addprefix image-,$(DEPLOYABLES) spark kafka-connect)
TAG ?= $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' mlproject/__init__.py)
DOCKER_FLAGS ?=

include k8s/tools/versions

.PHONY: help install run bento stack stack-status stack-stop stack-lock spark test test-sink test-stack test-spark check format docs lock bench bench-all bench-stack clean clean-state \
	all open-recommendations-service-port open-mlflow status logs check-cluster down delete \
	chart-tools test-chart test-apiserver cluster-tools test-cluster images images-offline images-test $(IMAGES)

help: ## Print these lines
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-33s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(READY) ## Install everything into .venv; the other targets do it too

run: $(READY) ## Start everything on this machine (RATINGS=, CATALOGUE=, STATE=); Ctrl-C ends it
	@PATH="$(CURDIR)/$(BIN):$$PATH" TVREC_STATE_DIR="$(STATE)" TVREC_RATINGS_FILE="$(RATINGS)" \
		TVREC_CATALOGUE_FILE="$(CATALOGUE)" exec $(BIN)/tvrec up

stack: $(STACK_READY) ## Start the real servers as plain processes (Java, Maven, Go needed)
	@exec $(BIN)/python -m stack start

stack-status: $(STACK_READY) ## Show each server of the stack
	@$(BIN)/python -m stack status

stack-stop: $(STACK_READY) ## Stop the stack; what it keeps stays
	@$(BIN)/python -m stack stop

stack-lock: $(STACK_READY) ## Pin the servers anew, after a change of stack/pom.xml
	@$(BIN)/python -m stack lock

spark: $(SPARK_READY) ## Run a standalone Spark cluster of plain processes (Java needed); Ctrl-C ends it
	@PATH="$(CURDIR)/$(BIN):$$PATH" TVREC_STATE_DIR="$(STATE)" exec $(BIN)/tvrec spark cluster $(ARGS)

test-sink: ## Test the Kafka Connect sink (needs a JDK and Maven)
	mvn -q -B -f services/kafka_connect/pom.xml verify

test-stack: $(STACK_READY) ## Run the tests against the real servers
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/pytest -s tests/stack

test-spark: $(SPARK_READY) ## Run the tests on a Spark cluster of two workers (Java needed)
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/pytest tests/spark

test: $(READY) ## Run the tests, several files at a time (ARGS="-n 0": one)
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/pytest -n logical --maxprocesses 4 --dist loadfile $(ARGS)

check: $(READY) ## Check style, types, layers, shell scripts and that the Avro schema stays compatible
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/shellcheck -x k8s/*.sh k8s/tools/*.sh k8s/cluster/*.sh
	$(BIN)/pytest -q tests/unit/events/test_schema.py

format: $(READY) ## Format the code and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(READY) ## Write the references of settings, commands, HTTP and metrics from the code
	@$(BIN)/python docs/references.py

bench: $(READY) ## Compare our ways with others, in minutes (WRITE=--write: into the documents)
	@$(BIN)/python -m benchmarks.quick $(WRITE)

bench-all: $(READY) ## Run every benchmark, for hours
	@for bench in $(filter-out %/bench_stack.py %/bench_spark.py %/bench_s3a.py %/bench_candidates.py,$(wildcard benchmarks/bench_*.py)); do echo "== $$bench"; $(BIN)/python "$$bench" || exit 1; done

bench-stack: $(STACK_READY) ## Measure the real servers
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m benchmarks.bench_stack $(ARGS)

lock: $(READY) ## Pin the dependencies anew, with hashes
	@for extra in $(DEPLOYABLES) dev; do \
		echo "requirements/$$extra.txt"; \
		$(COMPILE) --extra $$extra pyproject.toml -o requirements/$$extra.txt || exit 1; \
	done
	@for extra in stack spark; do \
		$(COMPILE) --extra $$extra --constraints requirements/dev.txt pyproject.toml -o requirements/$$extra.txt || exit 1; \
	done
	@$(COMPILE) --group build --constraints requirements/dev.txt -o requirements/build.txt

bento: $(READY) ## Build the service as a Bento (then: bentoml serve recommendations)
	@PATH="$(CURDIR)/$(BIN):$$PATH" BENTOML_DO_NOT_TRACK=True $(BIN)/bentoml build -f bento/bentofile.yaml .

images: $(IMAGES) ## Build the container images (TAG=, DOCKER_FLAGS=)

$(IMAGES): image-%:
	docker build $(DOCKER_FLAGS) --build-arg VERSION="$(TAG)" \
		--build-arg REVISION="$$(git rev-parse HEAD 2>/dev/null || echo unknown)" \
		--tag "tvrec/$*:$(TAG)" --file $(or $(wildcard services/$(subst -,_,$*)/Dockerfile),bento/Dockerfile) .

images-offline: ## Make base images and build, where no image registry is reached (Debian, root)
	services/images-offline.sh
	DOCKER_BUILDKIT=0 $(MAKE) images DOCKER_FLAGS="--network host $(DOCKER_FLAGS)"

images-test: $(READY) ## Run the images together, locked down, and ask for shows
	$(BIN)/pytest -q tests/e2e/test_images.py

clean: ## Remove the environment and the caches
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache dist

clean-state: ## Remove what `make run` has kept (STATE=)
	@test ! -e "$(STATE)" || test -e "$(STATE)/run.lock" \
		|| { echo "$(STATE) is no state folder of make run; remove it by hand"; exit 1; }
	rm -rf "$(STATE)"

# In Minikube. DRY_RUN=1 prints the commands and runs none; MINIKUBE_CPUS, MINIKUBE_MEMORY_MB,
# MINIKUBE_PROFILE, MINIKUBE_RUNTIME, NAMESPACE, VALUES and PORT are settings of k8s/minikube.sh.
all: ## Start Minikube, build the images in it, install the chart, wait until it is ready
	@k8s/minikube.sh all

open-recommendations-service-port: ## Reach the service in Minikube at port 3000 (PORT=)
	@k8s/minikube.sh open-recommendations-service-port

open-mlflow: ## Reach MLflow in Minikube at port 5000 (PORT=)
	@k8s/minikube.sh open-mlflow

status: ## Say how each part in Minikube is
	@k8s/minikube.sh status

logs: ## Print the last lines of each part in Minikube (TAIL=)
	@k8s/minikube.sh logs

check-cluster: ## Send a rating through what runs in Minikube (helm test)
	@k8s/minikube.sh check

down: ## Stop Minikube; all data stays
	@k8s/minikube.sh down

delete: ## Remove Minikube with all data
	@k8s/minikube.sh delete

chart-tools: .tools/helm-$(HELM_VERSION) ## Build Helm for the tests of the chart (needs Go)

test-chart: $(READY) chart-tools ## Test the chart without a cluster
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/pytest -q tests/repo/test_chart*.py tests/repo/test_minikube.py

test-apiserver: $(READY) chart-tools .tools/kube-apiserver-$(KUBERNETES_VERSION) ## Apply the chart to a real kube-apiserver (needs Go, kubectl; builds for ten minutes)
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/pytest -q tests/integration/test_apiserver.py

cluster-tools: chart-tools ## Build what a Kubernetes node is made of (needs Go; half an hour)
	@k8s/tools/build.sh node

test-cluster: $(STACK_READY) cluster-tools ## Run the chart on a real node of this machine (Debian, root, Go, Docker)
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/pytest -s --timeout 3600 tests/cluster

.tools/helm-$(HELM_VERSION):
	@k8s/tools/build.sh helm

.tools/kube-apiserver-$(KUBERNETES_VERSION):
	@k8s/tools/build.sh apiserver

# One environment for everything: made once, and again when what is pinned changes.
$(READY): requirements/dev.txt requirements/build.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; name it: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@command -v cc >/dev/null || { echo "a C compiler is needed (Debian: apt install build-essential)"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) \
		|| { rm -rf $(VENV); echo "cannot make $(VENV) (Debian: apt install python3-venv)"; exit 1; }
	@test -x $(UV) || $(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/build.txt
	@echo "installing what requirements/dev.txt pins"
	@$(UV) pip sync -q --python $(BIN)/python requirements/dev.txt \
		$(if $(wildcard $(STACK_READY)),requirements/stack.txt) \
		$(if $(wildcard $(SPARK_READY)),requirements/spark.txt)
	@$(UV) pip install -q --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

# What the real servers need beside that.
$(STACK_READY): $(READY) requirements/stack.txt
	@$(UV) pip install -q --python $(BIN)/python --require-hashes -r requirements/stack.txt
	@touch $@

# What Spark needs beside that.
$(SPARK_READY): $(READY) requirements/spark.txt
	@command -v java >/dev/null || { echo "Java 17 or newer is needed (Debian: apt install openjdk-17-jre-headless)"; exit 1; }
	@$(UV) pip install -q --python $(BIN)/python --require-hashes -r requirements/spark.txt
	@touch $@
