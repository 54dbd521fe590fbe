#include "gateway/tokens.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/mutant.h"
#include "gateway/token_file.h"

namespace holdfast::gateway {

namespace {

constexpr std::chrono::seconds kDiskPatience{10};

std::shared_ptr<Principal> principal_of(const Token& token) {
  return std::make_shared<Principal>(Principal{.name = token.name,
                                               .by_token = true,
                                               .token = token.id,
                                               .rights = token.rights,
                                               .expires = token.expires});
}

}  // namespace

Tokens::Tokens(std::filesystem::path file, TokenList all, std::shared_ptr<Worker> disk)
    : file_(std::move(file)), disk_(std::move(disk)), all_(std::move(all)) {
  for (const Token& token : all_) introduce(token);
}

void Tokens::introduce(const Token& token) {
  holders_.insert_or_assign(token.id, Holder{principal_of(token), {}});
}

Result<PrincipalPtr> Tokens::authenticate(std::string_view presented, SystemTime now) {
  if (const Token* lent = find_token(lent_, presented)) return borrowers_.at(lent->id);
  const Token* token = find_token(all_, presented);
  if (token == nullptr) return fail(Errc::refused, "the token is nobody's, or was revoked");
  Holder& holder = holders_.at(token->id);
  if (holder.principal->revoked) return fail(Errc::refused, "the token is nobody's, or was revoked");
  if (token->is_over(now)) return fail(Errc::refused, "the token has expired");
  holder.last_used = now;
  return holder.principal;
}

std::vector<TokenView> Tokens::list() const {
  std::vector<TokenView> views;
  for (const Token& token : all_) views.push_back({token, holders_.at(token.id).last_used});
  return views;
}

// Those that come together are written in their order, each with all that was there by then.
asio::awaitable<Result<void>> Tokens::write() {
  TokenList valid;
  std::ranges::copy_if(all_, std::back_inserter(valid),
                       [&](const Token& token) { return !holders_.at(token.id).principal->revoked; });
  co_return co_await disk_->try_run(
      [file = file_, valid = std::move(valid)] { return write_tokens(file, valid); }, kDiskPatience);
}

asio::awaitable<Result<Minted>> Tokens::add(TokenRequest request) {
  auto made = add_token(all_, request, std::chrono::system_clock::now());
  if (!made) co_return forward(made);
  introduce(made->token);
  if (auto written = co_await write(); !written) {
    std::erase_if(all_, [&](const Token& each) { return each.id == made->token.id; });
    holders_.erase(made->token.id);
    co_return forward(written);
  }
  log::info("token.added", {{"name", request.name}, {"id", made->token.id}});
  co_return made;
}

asio::awaitable<Result<void>> Tokens::revoke(std::string name) {
  const auto token = std::ranges::find(all_, name, &Token::name);
  if (token == all_.end()) co_return fail(Errc::not_found, "no token of that name", name);
  const std::string id = token->id;
  const auto principal = holders_.at(id).principal;
  if (!std::exchange(principal->revoked, true)) {
    log::info("token.revoked", {{"name", name}, {"id", id}});
    if (revoked_) revoked_(principal);
  }
  if (auto written = co_await write(); !written) co_return forward(written);
  std::erase_if(all_, [&](const Token& each) { return each.id == id; });
  holders_.erase(id);
  co_return Result<void>{};
}

Result<std::unique_ptr<LentToken>> Tokens::lend(const TokenRequest& request) {
  auto made = add_token(lent_, request, std::chrono::system_clock::now());
  if (!made) return forward(made);
  borrowers_.emplace(made->token.id, principal_of(made->token));
  return std::make_unique<LentToken>(*this, *std::move(made));
}

void Tokens::take_back(const Token& lent) {
  if (kSwitchedOff == Mechanism::lent_tokens_end) return;
  const auto found = borrowers_.find(lent.id);
  const auto principal = found->second;
  principal->revoked = true;
  std::erase_if(lent_, [&](const Token& each) { return each.id == lent.id; });
  borrowers_.erase(found);
  if (revoked_) revoked_(principal);
}

LentToken::~LentToken() { tokens_.take_back(made_.token); }

}  // namespace holdfast::gateway
