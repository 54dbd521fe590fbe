.PHONY: bench
bench: ## the benchmarks, each beside its reference; JSON in bench/out
	@scripts/setup.sh
	@scripts/bench.sh
