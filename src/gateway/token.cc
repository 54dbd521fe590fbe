#include "gateway/token.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <nlohmann/json.hpp>
#include <span>

#include "base/mutant.h"

namespace holdfast::gateway {
namespace {

constexpr std::size_t kIdBytes = 4, kSecretBytes = 32, kLongestName = 64, kLongestToken = 128;
constexpr std::chrono::hours kLongestLife{24 * 365 * 10};

std::string hex(std::span<const unsigned char> bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const unsigned char byte : bytes) out += {kDigits[byte >> 4U], kDigits[byte & 15U]};
  return out;
}

std::string hash_of(std::string_view token) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  ::SHA256(reinterpret_cast<const unsigned char*>(token.data()), token.size(), digest.data());
  return hex(digest);
}

// The id of what looks like a token; empty: it does not.
std::string_view id_of(std::string_view presented) {
  constexpr std::size_t kEnd = kTokenPrefix.size() + 2 * kIdBytes;
  if (presented.size() > kLongestToken || !presented.starts_with(kTokenPrefix)) return {};
  if (presented.size() <= kEnd || presented[kEnd] != '_') return {};
  return presented.substr(kTokenPrefix.size(), 2 * kIdBytes);
}

constexpr std::array<std::string_view, 3> kOthers{"anonymous", "owner", "job"};

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kLongestName && std::ranges::all_of(text, [](unsigned char c) {
    return c < 0x80 && (std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.');
  });
}

}  // namespace

Result<void> check_request(const TokenRequest& request) {
  if (!is_name(request.name))
    return fail(Errc::invalid, "a token's name has 1 to 64 letters, digits, -, _ and .", request.name);
  if (std::ranges::find(kOthers, request.name) != kOthers.end())
    return fail(Errc::invalid, "that name says who comes without a token", request.name);
  if (request.lifetime && (request.lifetime->count() <= 0 || *request.lifetime > kLongestLife))
    return fail(Errc::invalid, "a token expires after 1ms to 3650d, or never",
                format_duration(*request.lifetime));
  return check_rights(request.rights);
}

Result<Minted> add_token(TokenList& all, const TokenRequest& request, SystemTime now) {
  if (auto fine = check_request(request); !fine) return forward(fine);
  if (std::ranges::count(all, request.name, &Token::name) > 0)
    return fail(Errc::refused, "there is a token of that name", request.name);
  if (all.size() >= kMostTokens) return fail(Errc::limit, "token", "there are too many");
  std::array<unsigned char, kIdBytes + kSecretBytes> random{};
  do {
    if (::RAND_priv_bytes(random.data(), static_cast<int>(random.size())) != 1)
      return fail(Errc::unproven, "token", "no random numbers can be had");
  } while (std::ranges::count(all, hex(std::span(random).first<kIdBytes>()), &Token::id) > 0);
  Minted made;
  made.token = {.id = hex(std::span(random).first<kIdBytes>()),
                .name = request.name,
                .hash = {},
                .created = now,
                .expires = {},
                .rights = request.rights};
  if (request.lifetime) made.token.expires = now + *request.lifetime;
  made.secret.append(kTokenPrefix).append(made.token.id).append("_");
  made.secret.append(hex(std::span(random).last<kSecretBytes>()));
  made.token.hash = hash_of(made.secret);
  all.push_back(made.token);
  return made;
}

Result<void> remove_token(TokenList& all, std::string_view name) {
  if (std::erase_if(all, [&](const Token& token) { return token.name == name; }) == 0)
    return fail(Errc::not_found, "no token of that name", name);
  return {};
}

const Token* find_token(const TokenList& all, std::string_view presented) {
  const std::string_view id = id_of(presented);
  if (id.empty()) return nullptr;
  const auto found = std::ranges::find(all, id, &Token::id);
  if (found == all.end()) return nullptr;
  const std::string hash = hash_of(presented);
  const bool same =
      hash.size() == found->hash.size() && ::CRYPTO_memcmp(hash.data(), found->hash.data(), hash.size()) == 0;
  return same || kSwitchedOff == Mechanism::token_secret ? &*found : nullptr;
}

nlohmann::ordered_json facts_of(const Token& token) {
  return {{"name", token.name},
          {"id", token.id},
          {"created_at", rfc3339(token.created)},
          {"expires_at", token.expires ? nlohmann::ordered_json(rfc3339(*token.expires)) : nullptr},
          {"tools", token.rights.tools},
          {"servers", token.rights.servers}};
}

}  // namespace holdfast::gateway
