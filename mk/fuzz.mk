.PHONY: fuzz
fuzz: ## every fuzzer for FUZZ_SECONDS (300) each, two at a time
	@scripts/setup.sh
	@scripts/fuzz.sh
