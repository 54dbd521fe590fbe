// Bearer tokens as values: made, listed, told from what is none.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/duration.h"
#include "base/result.h"
#include "base/wall_clock.h"
#include "gateway/rights.h"

namespace holdfast::gateway {

// What is kept of a token, which is `hf_ID_SECRET`. The secret is 256 random bits, so a plain hash of it
// can neither be reversed nor guessed at.
struct Token {
  std::string id, name;
  std::string hash;  // SHA-256 of the whole, in hex
  SystemTime created;
  std::optional<SystemTime> expires;
  Rights rights;

  [[nodiscard]] bool is_over(SystemTime now) const { return expires && *expires <= now; }
};
using TokenList = std::vector<Token>;

inline constexpr std::string_view kTokenPrefix = "hf_";
inline constexpr std::size_t kMostTokens = 1000;

// What is asked for.
struct TokenRequest {
  std::string name;  // 1 to 64 of letters, digits, `-`, `_` and `.`
  Rights rights{};
  std::optional<milliseconds> lifetime{};
};
// Errc::invalid: what is wrong with it.
Result<void> check_request(const TokenRequest& request);

struct Minted {
  Token token;
  std::string secret;  // all that is presented; nobody can tell it a second time
};
// Adds one. Errors: invalid, refused (the name is taken), limit (too many), unproven (no randomness).
Result<Minted> add_token(TokenList& all, const TokenRequest& request, SystemTime now);
// Errc::not_found.
Result<void> remove_token(TokenList& all, std::string_view name);
// Whose it is, if it is anybody's; takes the same time for whatever secret follows an id.
const Token* find_token(const TokenList& all, std::string_view presented);

// {"name","id","created_at","expires_at","tools","servers"}: no hash, nothing of the secret.
nlohmann::ordered_json facts_of(const Token& token);

}  // namespace holdfast::gateway
