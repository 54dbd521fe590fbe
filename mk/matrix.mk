.PHONY: matrix
matrix: ## adversaries x rungs x events, and every fault at every instruction: writes docs/guarantees.md (about 40 minutes)
	@scripts/matrix.sh
