# The front door. Every target sets up what it needs, says what it does, and is safe to repeat.
# A room that comes later brings its target along: mk/*.mk are read for the folders that exist.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup build run test demo lint format asan tsan clean

help: ## this list
	@grep -hE '^[a-z-]+: ?.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  \1\t/' | expand -t 16

setup: ## install what a build needs (apt, on Debian 12), what lint needs, and the pinned MCP servers
	@scripts/setup.sh lint
	@scripts/setup-node.sh
	@scripts/setup-python.sh

build: ## the release build: bin/holdfast, with its gateway and its keeper beside it
	@scripts/setup.sh
	@scripts/build.sh release bin/holdfast bin/holdfast-keeper

run: ## the gateway on examples/seven-jobs.yaml with a live client; Ctrl-C ends it (RUN_FOR=20s: by itself)
	@scripts/run.sh

test: ## every test, the sanitizers on the units, ten seconds of every fuzzer, the house checks; skips aloud what the machine lacks (about 20 minutes, 45 from nothing)
	@scripts/test.sh

demo: ## the same seven jobs under a plain client, under the rejected fix, under Holdfast, counted from /proc (TICKS=6; TICKS=2 takes about 80 s)
	@scripts/demo.sh

lint: ## clang-format and clang-tidy, as errors
	@scripts/lint

format: ## clang-format in place
	@scripts/setup.sh lint
	@git ls-files -co --exclude-standard '*.h' '*.cc' '*.c' | xargs -r clang-format-19 -i

asan: ## the units under AddressSanitizer and UBSan
	@scripts/setup.sh
	@scripts/sanitize.sh asan

tsan: ## the units, the custodian and the pool under ThreadSanitizer
	@scripts/setup.sh
	@scripts/sanitize.sh tsan

ifneq ($(wildcard bench/CMakeLists.txt),)
include mk/bench.mk
endif
ifneq ($(wildcard tests/matrix/CMakeLists.txt),)
include mk/matrix.mk
endif
ifneq ($(wildcard tests/soak/CMakeLists.txt),)
include mk/soak.mk
endif
ifneq ($(wildcard tests/conformance/CMakeLists.txt),)
include mk/conformance.mk
endif
ifneq ($(wildcard tests/fuzz/CMakeLists.txt),)
include mk/fuzz.mk
endif

clean: ## remove what was built (build, bin, the run directory); what was fetched stays in .tools
	rm -rf build bin .holdfast-run
