.PHONY: matrix
matrix: ## adversaries x rungs x events, every fault at every instruction, numbers that come back, every real chain: writes docs/guarantees.md (about an hour)
	@scripts/matrix.sh
