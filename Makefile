# Everything starts here; what it does in detail is ansible-playbook's.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo demo-down check test test-hard test-ansible lint bench bench-app

# Debian's own where there is one: it is built with profile-guided optimisation, a version manager's mostly is not.
PYTHON ?= $(firstword $(wildcard /usr/bin/python3.11) python3.11)
# Named and not left to PATH, so that no virtualenv has to be activated.
PLAY := .venv/bin/ansible-playbook
LOCAL := -i inventories/local
# Without kept bytecode every run of Ansible compiles all it imports.
unexport PYTHONDONTWRITEBYTECODE

help: ## Show what there is
	@awk -F ':.*## ' '/^[a-z.-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: ## Start a local AWS, provision it, build, push and roll out the application, check it, print its URL
	tools/bootstrap_machine.sh "$(PYTHON)"
	$(MAKE) --no-print-directory .venv/demo
	$(PLAY) $(LOCAL) playbooks/local_up.yml
	$(PLAY) $(LOCAL) playbooks/bootstrap.yml
	$(PLAY) $(LOCAL) site.yml
	$(PLAY) $(LOCAL) playbooks/deliver.yml
	@tools/show_urls.sh

demo-down: ## Stop what demo started; its state is kept in .slipway/local
	@if [ -x $(PLAY) ]; then $(PLAY) $(LOCAL) playbooks/local_down.yml; else echo "Nothing to stop: there is no .venv"; fi

check: ## Run what every minute of work needs: linters, types, the unit tests of what has changed
	tools/bootstrap_machine.sh "$(PYTHON)" test
	$(MAKE) --no-print-directory .venv
	tools/check.sh

test: ## Run every test: lint, sanity, unit, app, oracle, molecule, hard, faults, delivery
	tools/bootstrap_machine.sh "$(PYTHON)" test
	$(MAKE) --no-print-directory .venv
	tools/test.sh

test-hard: ## Test roles, ROLE="vpc kms" or all, through a proxy that does what AWS does and emulators do not
	tools/bootstrap_machine.sh "$(PYTHON)" test
	$(MAKE) --no-print-directory .venv
	SLIPWAY_HARD=$${SLIPWAY_HARD:-all} tools/test-roles.sh $(ROLE)

test-ansible: ## Test the engine with each version of ansible-core that it works with, or with VERSIONS="2.21 2.19@3.13"
	tools/bootstrap_machine.sh "$(PYTHON)" test
	$(MAKE) --no-print-directory .venv
	tools/test-ansible.sh $(VERSIONS)

lint: .venv ## Run the linters and type checks
	tools/test.sh lint

bench: .venv ## Measure against plain Ansible
	tools/bench.sh

bench-app: .venv ## Measure the application: throughput, latency, memory, start
	tools/bench-app.sh

# What runs, and what tests and develops on top of it. The mark is as old as the last installation.
.venv/demo: requirements/uv.txt requirements/run.txt requirements/local.txt
	tools/install.sh "$(PYTHON)" $^
	@touch $@

.venv: .venv/complete ## Install everything, each package checked by its hash

.venv/complete: requirements/dev.txt .venv/demo
	tools/install.sh "$(PYTHON)" requirements/uv.txt requirements/run.txt requirements/local.txt requirements/dev.txt
	@touch $@
.PHONY: .venv
