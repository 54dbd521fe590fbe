.PHONY: soak
soak: ## 10,000 server lifetimes with faults by chance (LIFETIMES=…), about 20 minutes; draws docs/soak.svg
	@scripts/soak.sh
