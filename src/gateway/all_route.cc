// AllServers' part that answers listings and brings each request to its server.
#include <algorithm>
#include <utility>

#include "base/nearest.h"
#include "config/tool_name.h"
#include "gateway/all_servers.h"
#include "gateway/names.h"
#include "gateway/resource_uri.h"
#include "mcp/message.h"
#include "mcp/raw_json.h"
#include "mcp/splice.h"

namespace holdfast::gateway {

using mcp::Reply;

namespace {

constexpr std::int64_t kResourceNotFound = -32002;
constexpr std::size_t kMostAsked = 16;           // servers, for one resource that none of them lists
constexpr std::size_t kMostSubscribed = 10'000;  // resources of one session
// What clients and servers may make us compare, letter by letter: more is matched by nothing.
constexpr std::size_t kLongestCompared = 4096;

Reply refusal(std::int64_t code, std::string message, std::string data = {}) {
  return {.result = {}, .error = mcp::RpcError{code, std::move(message), std::move(data)}};
}

// The bytes of `value`, which lies in `text`, replaced.
void replace(std::string& text, std::string_view value, const std::string& with) {
  text.replace(static_cast<std::size_t>(value.data() - text.data()), value.size(), with);
}

std::chrono::steady_clock::time_point soon(const AllOptions& options) {
  return std::chrono::steady_clock::now() + options.patience;
}

bool says_not_found(const Reply& reply) {
  return reply.error && (reply.error->code == kResourceNotFound || reply.error->code == mcp::kInvalidParams ||
                         reply.error->code == mcp::kMethodNotFound);
}

bool may_expand_to(std::string_view uri_template, std::string_view uri) {
  return uri_template.size() <= kLongestCompared && uri.size() <= kLongestCompared &&
         matches_template(uri_template, uri);
}

ListingPtr listing_or_none(const AllServers::Link& link, ListKind kind) {
  static const ListingPtr kNone = std::make_shared<const Listing>();
  auto listing = link.listing(kind);
  return listing ? listing : kNone;
}

// Why a server's items are missing, or cannot be called; empty: they are not.
std::string why_unavailable(const AllServers::Listed& each, ListKind kind) {
  if (each.view.state == "unusable" || each.view.state == "parked") return each.view.reason;
  if (each.link->listing(kind)) return {};
  if (!each.link->failure.empty()) return each.link->failure;
  if (!each.view.reason.empty()) return each.view.reason;
  return "it has not answered yet";
}

}  // namespace

asio::awaitable<Result<Reply>> AllServers::list(AllServersPtr self, ListKind kind, std::string params,
                                                CallOptions options) {
  std::string cursor;
  if (!params.empty()) {
    const auto all = mcp::members(mcp::PaddedText::in(params));
    if (!all) co_return refusal(mcp::kInvalidParams, "params are no object");
    cursor = mcp::member(*all, "cursor");
    if (cursor == "null") cursor.clear();
  }
  if (cursor.empty()) co_await gather(self, kind, options.deadline);
  std::vector<Source> sources;
  std::map<std::string, std::string> unavailable;
  for (const Listed& each : self->listed()) {
    if (auto why = why_unavailable(each, kind); !why.empty()) unavailable.emplace(each.view.name, why);
    const bool usable = each.view.state != "unusable";
    sources.push_back({each.link->server, usable ? each.link->listing(kind) : nullptr});
    each.link->told[static_cast<std::size_t>(kind)] = sources.back().listing;
  }
  auto page = write_page(kind, merge(kind, sources), cursor, unavailable, self->options_.page);
  if (!page) co_return refusal(mcp::kInvalidParams, "Unknown cursor");
  co_return Reply{.result = *std::move(page), .error = {}};
}

// The server is what stands before the first `__` that makes one, its own name what follows: no listing is
// needed for that. A name with a hash is looked up.
asio::awaitable<std::optional<AllServers::Target>> AllServers::find(AllServersPtr self, ListKind kind,
                                                                    std::string name) {
  if (is_hashed(name)) {
    if (auto found = self->find_hashed(kind, name)) co_return found;
    co_await gather(self, kind, soon(self->options_));
    if (auto found = self->find_hashed(kind, name)) co_return found;
  }
  constexpr auto kSeparator = config::kToolSeparator;
  for (auto at = name.find(kSeparator, 1); at <= kLongestName && at + kSeparator.size() < name.size();
       at = name.find(kSeparator, at + 1)) {
    Target target{name.substr(0, at), name.substr(at + kSeparator.size())};
    if (!self->links_.contains(target.server) && !self->gateway_.has_server(target.server)) continue;
    co_return target;
  }
  co_return std::nullopt;
}

std::optional<AllServers::Target> AllServers::find_hashed(ListKind kind, const std::string& name) {
  for (const auto& [server, link] : links_)
    if (const ListingPtr listing = link->listing(kind))
      for (const Item& item : listing->items)
        if (shown_name(server, item.key) == name) return Target{server, item.key};
  return std::nullopt;
}

std::string AllServers::unknown(ListKind kind, const std::string& name) {
  std::string text = (kind == ListKind::tools ? "Unknown tool: " : "Unknown prompt: ") + name;
  if (name.size() > 2 * kLongestName) return text;
  std::vector<std::string> names;
  for (const auto& [server, link] : links_)
    if (const ListingPtr listing = link->listing(kind))
      for (const Item& item : listing->items) names.push_back(shown_name(server, item.key));
  const std::string_view near = nearest(name, std::vector<std::string_view>(names.begin(), names.end()));
  if (!near.empty()) text.append("; did you mean ").append(near).append("?");
  return text;
}

asio::awaitable<Result<Reply>> AllServers::call(AllServersPtr self, ListKind kind, std::string method,
                                                std::string params, CallOptions options) {
  co_await enter(self);
  const auto read = mcp::Splicer().read_params(mcp::PaddedText::in(params));
  const auto name = read && read->name ? mcp::decode_string(read->name.of(params))
                                       : fail(Errc::invalid, "params", "no name");
  if (!name) co_return refusal(mcp::kInvalidParams, "params.name: one string is expected");
  const auto target = co_await find(self, kind, *name);
  if (!target) co_return refusal(mcp::kInvalidParams, self->unknown(kind, *name));
  params.replace(read->name.offset, read->name.size, mcp::quote(target->own));
  if (!self->permits(target->server, method, params))
    co_return refusal(mcp::kInvalidParams, self->unknown(kind, *name));
  co_return co_await send(self, target->server, std::move(method), std::move(params), std::move(options));
}

// Who lists the resource, or a template of it; else all who have some of that scheme; else, if it is to be
// guessed, all who have resources at all.
std::vector<std::string> AllServers::owners(const std::string& uri, bool may_guess) {
  std::vector<std::string> of_scheme, others;
  std::string by_template;
  const std::string_view scheme = scheme_of(uri);
  for (const auto& [server, link] : links_) {
    bool same_scheme = false;
    const ListingPtr resources = listing_or_none(*link, ListKind::resources);
    for (const Item& item : resources->items) {
      if (item.key == uri) return {server};
      same_scheme |= scheme_of(item.key) == scheme;
    }
    const ListingPtr templates = listing_or_none(*link, ListKind::templates);
    for (const Item& item : templates->items) {
      if (by_template.empty() && (item.key == uri || may_expand_to(item.key, uri))) by_template = server;
      same_scheme |= scheme_of(item.key) == scheme;
    }
    if (same_scheme) of_scheme.push_back(server);
    if (has_capability(std::string(link->capabilities()), "resources")) others.push_back(server);
  }
  if (!by_template.empty()) return {by_template};
  if (!may_guess) return {};
  return of_scheme.empty() ? others : of_scheme;
}

asio::awaitable<std::vector<std::string>> AllServers::find_owners(AllServersPtr self, std::string uri) {
  if (auto sure = self->owners(uri, false); !sure.empty()) co_return sure;
  co_await gather(self, ListKind::resources, soon(self->options_));
  co_await gather(self, ListKind::templates, soon(self->options_));
  co_return self->owners(uri, true);
}

asio::awaitable<Result<Reply>> AllServers::ask_owners(AllServersPtr self, std::string uri, std::string method,
                                                      std::string params, CallOptions options) {
  auto servers = co_await find_owners(self, uri);
  servers.resize(std::min(servers.size(), kMostAsked));
  if (const auto it = self->subscribed_.find(uri);
      it != self->subscribed_.end() && method.ends_with("subscribe"))
    servers = {it->second};
  Result<Reply> last = refusal(kResourceNotFound, "Resource not found", "{\"uri\":" + mcp::quote(uri) + "}");
  for (const std::string& server : servers) {
    auto reply = co_await send(self, server, method, params, options);
    if (reply && !says_not_found(*reply)) {
      if (method == "resources/subscribe" && !reply->error && self->subscribed_.size() < kMostSubscribed)
        self->subscribed_.insert_or_assign(uri, server);
      if (method == "resources/unsubscribe") self->subscribed_.erase(uri);
      co_return reply;
    }
    // One who could not be asked may have it.
    if (servers.size() == 1 || !reply) last = std::move(reply);
    if (co_await is_cancelled()) co_return fail(Errc::cancelled, "request", method);
  }
  co_return last;
}

asio::awaitable<Result<Reply>> AllServers::resource(AllServersPtr self, std::string method,
                                                    std::string params, CallOptions options) {
  co_await enter(self);
  const auto read = mcp::Splicer().read_params(mcp::PaddedText::in(params));
  auto uri =
      read && read->uri ? mcp::decode_string(read->uri.of(params)) : fail(Errc::invalid, "params", "no uri");
  if (!uri) co_return refusal(mcp::kInvalidParams, "params.uri: one string is expected");
  co_return co_await ask_owners(self, *std::move(uri), std::move(method), std::move(params),
                                std::move(options));
}

asio::awaitable<Result<Reply>> AllServers::complete(AllServersPtr self, std::string params,
                                                    CallOptions options) {
  co_await enter(self);
  const auto all = mcp::members(mcp::PaddedText::in(params));
  const auto ref = all ? mcp::members(mcp::PaddedText::promised(mcp::member(*all, "ref"))) : all;
  const std::string_view type = ref ? mcp::member(*ref, "type") : std::string_view();
  const bool of_prompt = type == R"("ref/prompt")";
  if (!of_prompt && type != R"("ref/resource")")
    co_return refusal(mcp::kInvalidParams, "params.ref: ref/prompt or ref/resource is expected");
  const std::string_view literal = mcp::member(*ref, of_prompt ? "name" : "uri");
  const auto text = mcp::decode_string(literal);
  if (!text) co_return refusal(mcp::kInvalidParams, "params.ref names nothing");
  if (!of_prompt)
    co_return co_await ask_owners(self, *text, "completion/complete", std::move(params), std::move(options));
  const auto target = co_await find(self, ListKind::prompts, *text);
  if (!target) co_return refusal(mcp::kInvalidParams, self->unknown(ListKind::prompts, *text));
  if (!self->permits(target->server, "completion/complete", params))
    co_return refusal(mcp::kInvalidParams, self->unknown(ListKind::prompts, *text));
  replace(params, literal, mcp::quote(target->own));
  co_return co_await send(self, target->server, "completion/complete", std::move(params), std::move(options));
}

}  // namespace holdfast::gateway
