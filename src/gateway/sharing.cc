#include "gateway/sharing.h"

#include <string_view>

#include "base/mutant.h"

namespace holdfast::gateway {

namespace {

constexpr std::size_t kLongest = 256;
constexpr std::string_view kHeader = "header:", kToken = "token";

// Letters and the usual marks as they are, the rest as %XX: `~` begins the profile's part of a key.
std::string plain(std::string_view value) {
  constexpr std::string_view kMarks = "-._/:@+";
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : value) {
    const bool letter = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (letter || kMarks.contains(c)) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += {'%', kHex[byte >> 4U], kHex[byte & 15U]};
  }
  return out;
}

}  // namespace

std::optional<std::string> shared_under(const config::Server& server, const Consumer* client) {
  if (server.sharing == config::Sharing::session) return std::nullopt;
  if (server.sharing == config::Sharing::shared || kSwitchedOff == Mechanism::keys_part) return "";
  if (client == nullptr) return std::nullopt;
  if (server.sharing_key == kToken) {
    if (client->token().empty()) return std::nullopt;
    return std::string(kToken) + "=" + std::string(client->token());
  }
  if (!server.sharing_key.starts_with(kHeader)) return std::nullopt;
  const std::string name = server.sharing_key.substr(kHeader.size());
  const auto value = client->header(name);
  if (!value || value->empty() || value->size() > kLongest) return std::nullopt;
  return name + "=" + plain(*value);
}

}  // namespace holdfast::gateway
