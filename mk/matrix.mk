.PHONY: matrix
matrix: ## adversaries x rungs x events, every fault at every instruction, numbers that come back: writes docs/guarantees.md (about 40 minutes)
	@scripts/matrix.sh
