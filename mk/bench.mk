.PHONY: bench
bench: ## the benchmarks, each beside its reference, JSON in bench/out (SECTIONS="start memory", TICKS=1440: a whole day)
	@scripts/setup.sh
	@scripts/bench.sh $(SECTIONS)
