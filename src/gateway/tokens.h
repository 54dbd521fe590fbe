// The tokens of a gateway that runs: who comes with which, and what becomes of whom.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/worker.h"
#include "gateway/principal.h"
#include "gateway/token.h"

namespace holdfast::gateway {

struct TokenView {
  Token token;
  std::optional<SystemTime> last_used;  // since the gateway started
};

class Tokens;

// A token in memory only: of no use any more once this is gone, and whatever was begun with it ends.
class LentToken {
 public:
  LentToken(Tokens& tokens, Minted made) : tokens_(tokens), made_(std::move(made)) {}
  ~LentToken();
  LentToken(const LentToken&) = delete;
  LentToken& operator=(const LentToken&) = delete;
  [[nodiscard]] const std::string& secret() const { return made_.secret; }

 private:
  Tokens& tokens_;
  Minted made_;
};

// Loop thread only; outlives every coroutine of its own. What it knows counts, and the file follows.
class Tokens {
 public:
  // `all`: what read_tokens() gave; `disk` writes the file.
  Tokens(std::filesystem::path file, TokenList all, std::shared_ptr<Worker> disk);

  // Who presents it. Errc::refused, with the reason in `op`: nobody's, expired, revoked.
  Result<PrincipalPtr> authenticate(std::string_view presented, SystemTime now);
  [[nodiscard]] std::vector<TokenView> list() const;

  // Good once it is on the disk. Errors: those of add_token(), and the disk's: then there is no such token.
  asio::awaitable<Result<Minted>> add(TokenRequest request);
  // Of no use from here on, whatever the disk does; the listener hears of it before anything else happens.
  // Errors: not_found, and the disk's: then it is to be revoked again, or it comes back at the next start.
  asio::awaitable<Result<void>> revoke(std::string name);
  // A token for a while, neither on the disk nor in list(), whose names are not those of others. Tokens must
  // outlive it. Errors: invalid, refused (lent by that name already), limit, unproven.
  Result<std::unique_ptr<LentToken>> lend(const TokenRequest& request);
  // Called before anything else happens to whom it is about.
  void on_revoked(std::function<void(const PrincipalPtr&)> listener) { revoked_ = std::move(listener); }

 private:
  friend class LentToken;
  struct Holder {
    std::shared_ptr<Principal> principal;
    std::optional<SystemTime> last_used;
  };
  void introduce(const Token& token);
  asio::awaitable<Result<void>> write();
  void take_back(const Token& lent);

  const std::filesystem::path file_;
  const std::shared_ptr<Worker> disk_;
  TokenList all_, lent_;
  std::map<std::string, Holder, std::less<>> holders_;                        // by the token's id
  std::map<std::string, std::shared_ptr<Principal>, std::less<>> borrowers_;  // by the lent one's id
  std::function<void(const PrincipalPtr&)> revoked_;
};

}  // namespace holdfast::gateway
