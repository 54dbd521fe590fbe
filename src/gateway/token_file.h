// Where tokens are kept: one file of the state directory, of hashes only. Whoever writes it holds the
// directory's lock.
#pragma once

#include <filesystem>

#include "gateway/token.h"

namespace holdfast::gateway {

std::filesystem::path token_file_in(const std::filesystem::path& state_dir);

// No file: no tokens. What is not certainly what we wrote is an error, and nobody is to be let in by it.
// Errors: invalid (damaged, or others may write it), and the disk's.
Result<TokenList> read_tokens(const std::filesystem::path& file);
// Replaced as a whole (0600), and on the disk when this returns. Errors: limit (read_tokens() would not take
// so much), and the disk's.
Result<void> write_tokens(const std::filesystem::path& file, const TokenList& tokens);

}  // namespace holdfast::gateway
