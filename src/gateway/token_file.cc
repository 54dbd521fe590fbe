#include "gateway/token_file.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "base/json_depth.h"
#include "os/regular_file.h"
#include "os/text_file.h"

namespace holdfast::gateway {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

namespace {

constexpr std::string_view kVersion = "tokens 1";
constexpr std::size_t kLargest = 64U << 20;
constexpr std::size_t kHashDigits = 64;
constexpr std::int64_t kLatest = 9'000'000'000;  // seconds since 1970 that the clock's type bears

std::unexpected<Error> damaged(const fs::path& file, std::string_view how) {
  return fail(Errc::invalid, "tokens", file.string() + ": " + std::string(how));
}

std::int64_t seconds_of(SystemTime time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}
SystemTime time_of(const Json& seconds) {
  return SystemTime(std::chrono::seconds(std::clamp<std::int64_t>(seconds.get<std::int64_t>(), 0, kLatest)));
}

Json row_of(const Token& token) {
  return {{"id", token.id},
          {"name", token.name},
          {"sha256", token.hash},
          {"created", seconds_of(token.created)},
          {"expires", token.expires ? Json(seconds_of(*token.expires)) : Json(nullptr)},
          {"tools", token.rights.tools},
          {"servers", token.rights.servers}};
}

// Throws what nlohmann does for a member that is missing or another kind.
Token token_of(const Json& row) {
  Token token{.id = row.at("id").get<std::string>(),
              .name = row.at("name").get<std::string>(),
              .hash = row.at("sha256").get<std::string>(),
              .created = time_of(row.at("created")),
              .expires = {},
              .rights = {.tools = row.at("tools").get<std::vector<std::string>>(),
                         .servers = row.at("servers").get<std::vector<std::string>>()}};
  if (!row.at("expires").is_null()) token.expires = time_of(row.at("expires"));
  return token;
}

Result<std::string> read_whole(const fs::path& file) {
  std::error_code ec;
  const auto size = fs::file_size(file, ec);
  if (ec) return sys_error("stat", file.string(), ec.value());
  if (size > kLargest) return damaged(file, "far too large");
  const auto mode = fs::status(file, ec).permissions();
  if (ec) return sys_error("stat", file.string(), ec.value());
  if ((mode & (fs::perms::group_write | fs::perms::others_write)) != fs::perms::none)
    return damaged(file, "others may write it");
  std::string text(size + 1, '\0');
  auto read = os::read_regular_file(file.c_str(), text);
  if (!read) return forward(read);
  text.resize(*read);
  return text;
}

}  // namespace

fs::path token_file_in(const fs::path& state_dir) { return state_dir / "tokens.json"; }

Result<TokenList> read_tokens(const fs::path& file) {
  const auto text = read_whole(file);
  if (!text) {
    if (text.error().is_errno(ENOENT)) return TokenList{};
    return std::unexpected(text.error());
  }
  const Json all = deeper_than(*text) ? Json() : Json::parse(*text, nullptr, false);
  if (!all.is_object() || all.value("holdfast", Json()) != kVersion)
    return damaged(file, "no list of tokens");
  TokenList tokens;
  try {
    for (const Json& row : all.at("tokens")) tokens.push_back(token_of(row));
  } catch (const Json::exception&) {
    return damaged(file, "an entry that is no token");
  }
  if (tokens.size() > kMostTokens) return damaged(file, "too many tokens");
  for (const Token& token : tokens)
    if (token.hash.size() != kHashDigits || !check_request({.name = token.name, .rights = token.rights}) ||
        std::ranges::count(tokens, token.name, &Token::name) > 1 ||
        std::ranges::count(tokens, token.id, &Token::id) > 1)
      return damaged(file, "an entry that is no token: " + token.name);
  return tokens;
}

Result<void> write_tokens(const fs::path& file, const TokenList& tokens) {
  Json rows = Json::array();
  for (const Token& token : tokens) rows.push_back(row_of(token));
  const Json all{{"holdfast", kVersion}, {"tokens", std::move(rows)}};
  const std::string text = all.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
  if (text.size() > kLargest) return fail(Errc::limit, "tokens", "their rights are too long for one file");
  return os::replace_private_file(file, text);
}

}  // namespace holdfast::gateway
