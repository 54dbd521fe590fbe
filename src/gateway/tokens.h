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
  void on_revoked(std::function<void(const PrincipalPtr&)> listener) { revoked_ = std::move(listener); }

 private:
  struct Holder {
    std::shared_ptr<Principal> principal;
    std::optional<SystemTime> last_used;
  };
  void introduce(const Token& token);
  asio::awaitable<Result<void>> write();

  const std::filesystem::path file_;
  const std::shared_ptr<Worker> disk_;
  TokenList all_;
  std::map<std::string, Holder, std::less<>> holders_;  // by the token's id
  std::function<void(const PrincipalPtr&)> revoked_;
};

}  // namespace holdfast::gateway
