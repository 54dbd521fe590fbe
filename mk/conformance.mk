.PHONY: conformance
conformance: ## the official MCP conformance suite through the gateway: every scenario, then one line per pairing (about a minute, once built)
	@scripts/conformance.sh
