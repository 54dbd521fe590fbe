#include "gateway/audit.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/mutant.h"
#include "base/wall_clock.h"
#include "mcp/raw_json.h"

namespace holdfast::gateway {
namespace {

constexpr store::LogLimits kLimits{.max_bytes = std::int64_t{16} << 20, .generations = 5, .json = true};
constexpr std::size_t kLongestArguments = 4096;  // bytes
constexpr std::size_t kLongestText = 512;        // bytes of a name or an error

// Of keys in lower case, without what separates words.
constexpr std::array<std::string_view, 11> kSecrets{"password", "passwd",        "passphrase", "secret",
                                                    "token",    "apikey",        "accesskey",  "privatekey",
                                                    "cookie",   "authorization", "credential"};

bool speaks_of_a_secret(std::string_view key) {
  std::string folded;
  for (const char c : key)
    if (const auto byte = static_cast<unsigned char>(c); std::isalnum(byte) != 0)
      folded += static_cast<char>(std::tolower(byte));
  return folded == "key" || folded == "pin" || folded == "auth" ||
         std::ranges::any_of(kSecrets, [&](std::string_view word) { return folded.contains(word); });
}

std::string clipped(std::string_view text) {
  if (text.size() <= kLongestText) return std::string(text);
  return std::string(text.substr(0, kLongestText)) + "...";
}

struct Named {
  std::string name;       // decoded; empty: the method has none
  std::string arguments;  // raw
};

// What a request is about: the tool, the prompt, the resource.
Named named_in(std::string_view params) {
  std::string text(params);
  const auto all = mcp::members(mcp::PaddedText::in(text));
  if (!all) return {};
  Named named{.name = {}, .arguments = std::string(mcp::member(*all, "arguments"))};
  for (const std::string_view key : {"name", "uri", "taskId"}) {
    const auto value = mcp::member(*all, key);
    if (value.empty()) continue;
    if (auto decoded = mcp::decode_string(value)) named.name = std::move(*decoded);
    break;
  }
  // Said twice: which of them the server takes nobody knows.
  if (named.name.empty() && std::ranges::any_of(*all, [](const auto& each) { return each.key == "name"; }))
    named.name = "?";
  return named;
}

bool is_tool_error(mcp::Reply& reply) {
  const auto all = mcp::members(mcp::PaddedText::in(reply.result));
  return all && mcp::member(*all, "isError") == "true";
}

class Line {
 public:
  Line& text(std::string_view key, std::string_view value) { return raw(key, mcp::quote(clipped(value))); }
  Line& raw(std::string_view key, std::string_view value) {
    out_ += out_.empty() ? "{\"" : ",\"";
    out_.append(key).append("\":").append(value);
    return *this;
  }
  std::string end() { return std::move(out_) + "}\n"; }

 private:
  std::string out_;
};

void add_outcome(Line& line, std::string_view method, Result<mcp::Reply>& reply, bool cancelled) {
  if (cancelled) {
    line.text("outcome", "cancelled");
  } else if (!reply) {
    line.text("outcome", "failed").text("error", reply.error().message());
  } else if (reply->error) {
    line.text("outcome", "error")
        .raw("code", std::to_string(reply->error->code))
        .text("error", reply->error->message);
  } else {
    line.text("outcome", method == "tools/call" && is_tool_error(*reply) ? "tool_error" : "ok");
  }
}

}  // namespace

std::string without_secrets(std::string_view raw) {
  if (kSwitchedOff == Mechanism::audit_secrets) return std::string(raw);
  std::string text(raw), out;
  if (raw.starts_with('{')) {
    const auto all = mcp::members(mcp::PaddedText::in(text));
    if (!all) return {};
    for (const auto& [key, value] : *all) {
      const std::string kept = speaks_of_a_secret(key) ? "\"***\"" : without_secrets(value);
      if (kept.empty()) return {};
      out.append(out.empty() ? "{" : ",").append(mcp::quote(key)).append(":").append(kept);
    }
    return out.empty() ? "{}" : out + "}";
  }
  if (raw.starts_with('[')) {
    const auto all = mcp::elements(mcp::PaddedText::in(text));
    if (!all) return {};
    for (const auto value : *all) {
      const std::string kept = without_secrets(value);
      if (kept.empty()) return {};
      out.append(out.empty() ? "[" : ",").append(kept);
    }
    return out.empty() ? "[]" : out + "]";
  }
  return mcp::well_formed(raw) ? text : std::string();
}

Audit::Audit(std::shared_ptr<Worker> disk, const std::filesystem::path& file, Detail detail)
    : log_(std::move(disk), file, kLimits), detail_(detail) {}

void Audit::record(const Asked& asked, Result<mcp::Reply>& reply, bool cancelled,
                   std::chrono::nanoseconds took) {
  const Named named = named_in(asked.params);
  Line line;
  line.text("time", rfc3339_milliseconds(std::chrono::system_clock::now()))
      .text("who", asked.who)
      .text("client", asked.client)
      .text("session", asked.session)
      .text("server", asked.server)
      .text("method", asked.method);
  if (!asked.token.empty()) line.text("token", asked.token);
  if (!named.name.empty()) line.text("name", named.name);
  if (detail_ == Detail::arguments && !named.arguments.empty()) {
    const bool small = named.arguments.size() <= kLongestArguments;
    const std::string kept = small ? without_secrets(named.arguments) : std::string();
    if (kept.empty())
      line.raw("arguments_bytes", std::to_string(named.arguments.size()));
    else
      line.raw("arguments", kept);
  }
  add_outcome(line, asked.method, reply, cancelled);
  line.raw("took_us", std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(took).count()));
  if (reply && !reply->error) line.raw("result_bytes", std::to_string(reply->result.size()));
  log_.append(line.end());
}

}  // namespace holdfast::gateway
