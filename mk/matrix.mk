.PHONY: matrix
matrix: ## adversaries x rungs x events, every fault at every instruction, every real chain: writes docs/guarantees.md (about 45 minutes)
	@scripts/matrix.sh
