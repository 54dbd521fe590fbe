.PHONY: fuzz
fuzz: ## every fuzzer for FUZZ_SECONDS (30) each
	@scripts/setup.sh
	@scripts/fuzz.sh
