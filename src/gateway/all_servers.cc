#include "gateway/all_servers.h"

#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <utility>

#include "base/fnv.h"
#include "base/log.h"

namespace holdfast::gateway {

using std::chrono::steady_clock;

namespace {

constexpr std::chrono::seconds kLevelPatience{5};
constexpr std::size_t kMostInstructions = 500;  // bytes of one server's

// What a view of all offers; which server has what shows when it is asked.
constexpr std::string_view kCapabilities =
    R"({"completions":{},"logging":{},"prompts":{"listChanged":true},)"
    R"("resources":{"listChanged":true,"subscribe":true},"tools":{"listChanged":true}})";
constexpr std::string_view kServerInfo =
    R"({"name":"holdfast","title":"Holdfast","version":")" HOLDFAST_VERSION R"("})";

std::string shortened(std::string_view text, std::size_t most) {
  if (text.size() <= most) return std::string(text);
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0) == 0x80) --most;
  return std::string(text.substr(0, most)).append("…");
}

}  // namespace

ListingPtr AllServers::Link::known(ListKind kind) const {
  const ListingPtr& mine = own.listing(kind);
  const ListingPtr remembered = record ? record->listing(kind) : nullptr;
  if (shared) return remembered ? remembered : mine;
  return mine ? mine : remembered;
}
ListingPtr AllServers::Link::listing(ListKind kind) const {
  auto all = known(kind);
  if (!all || kind != ListKind::tools || permitted.offers_all()) return all;
  if (all != all_tools_) {
    auto some = std::make_shared<Listing>();
    for (const Item& item : all->items)
      if (permitted.offers(item.key)) {
        some->items.push_back(item);
        some->bytes += item.raw.size();
      }
    all_tools_ = std::move(all);
    permitted_tools_ = std::move(some);
  }
  return permitted_tools_;
}
std::string_view AllServers::Link::capabilities() const {
  return greeted || !record ? own.capabilities : record->capabilities;
}
std::string_view AllServers::Link::instructions() const {
  return greeted || !record ? own.instructions : record->instructions;
}

AllServers::AllServers(Gateway& gateway, std::shared_ptr<Catalog> catalog,
                       const std::shared_ptr<Consumer>& client, AllOptions options)
    : gateway_(gateway),
      catalog_(std::move(catalog)),
      client_(client),
      options_(options),
      who_(client ? client->who() : std::string_view()),
      token_(client ? client->token() : std::string_view()),
      profile_(client ? client->profile() : mcp::ClientProfile()) {}

std::optional<std::string> AllServers::header(std::string_view name) const {
  const auto client = client_.lock();
  return client ? client->header(name) : std::nullopt;
}

bool AllServers::begin(const std::string& label) {
  session_ = gateway_.open_session(SessionKind::client, label, shared_from_this());
  if (!session_) return false;
  session_id_ = session_->id();
  catalog_->read_by(weak_from_this());
  return true;
}

void AllServers::end() {
  session_.reset();
  if (loop_) loop_->tasks.cancel();
}

asio::awaitable<void> AllServers::enter(AllServersPtr self) {
  if (!self->loop_) self->loop_ = std::make_unique<Loop>(co_await asio::this_coro::executor);
}

void AllServers::pulse() {
  loop_->learned.set();
  loop_->learned.clear();
}

AllServers::LinkPtr AllServers::make_link(const ServerView& view, ToolFilter permitted) {
  auto link = std::make_shared<Link>();
  link->server = view.name;
  link->permitted = std::move(permitted);
  link->shared = view.sharing == "shared";
  // What a token's own copy lists is for that token to see.
  link->key = {view.name, view.entry,
               fnv1a_part(token_, fnv1a_part(profile_.capabilities, fnv1a_part(profile_.revision)))};
  links_.insert_or_assign(view.name, link);
  return link;
}

// nullptr: no such server.
AllServers::LinkPtr AllServers::link_of(std::string_view server) {
  if (const auto it = links_.find(server); it != links_.end()) return it->second;
  for (const ServerView& view : gateway_.servers())
    if (view.name == server)
      if (auto permitted = tools_within(options_.rights, view.name))
        return make_link(view, *std::move(permitted));
  return nullptr;
}

bool AllServers::permits(const std::string& server, std::string_view method, std::string_view params) const {
  const auto tools = tools_within(options_.rights, server);
  return tools && (method != "tools/call" || tools->offers_all() || !tools->withheld(params));
}

// Those that may be used, and those that say why not, in the order of their names.
std::vector<AllServers::Listed> AllServers::listed() {
  std::vector<Listed> all;
  for (ServerView& view : gateway_.servers()) {
    if (view.state == "disabled" || view.state == "removed") continue;
    auto permitted = tools_within(options_.rights, view.name);
    if (!permitted) continue;
    const auto it = links_.find(view.name);
    const bool same = it != links_.end() && it->second->key.entry == view.entry;
    LinkPtr link = same ? it->second : make_link(view, *std::move(permitted));
    all.push_back({std::move(view), std::move(link)});
  }
  std::erase_if(links_, [&](const auto& entry) {
    return std::ranges::none_of(all, [&](const Listed& each) { return each.link == entry.second; });
  });
  return all;
}

asio::awaitable<Result<mcp::InitializeResult>> AllServers::hello(AllServersPtr self) {
  co_await enter(self);
  mcp::InitializeResult result{.protocol_version = {},
                               .capabilities = std::string(kCapabilities),
                               .server_info = std::string(kServerInfo),
                               .instructions = "Tools and prompts are named server__name."};
  for (const Listed& each : self->listed()) {
    co_await recall(self, each.link);
    const std::string_view text = each.link->instructions();
    if (text.empty() || result.instructions.size() > self->options_.instructions) continue;
    result.instructions.append("\n\n").append(each.view.name).append(": ");
    result.instructions.append(shortened(text, kMostInstructions));
  }
  co_return result;
}

// What an instance hears once: the log level, and then the questions what it has.
asio::awaitable<Result<void>> AllServers::greet(AllServersPtr self, LinkPtr link) {
  if (!self->session_) co_return fail(Errc::closed, "session", "it has ended");
  auto hello = co_await self->session_->connect(link->server);
  if (!hello) co_return forward(hello);
  if (!std::exchange(link->greeted, true)) {
    link->own.capabilities = std::move(hello->capabilities);
    link->own.instructions = std::move(hello->instructions);
    link->stale.fill(true);
    co_await send_level(self, link);
  }
  co_return Result<void>{};
}

asio::awaitable<Result<mcp::Reply>> AllServers::send(AllServersPtr self, std::string server,
                                                     std::string method, std::string params,
                                                     CallOptions options) {
  co_await enter(self);
  const LinkPtr link = self->link_of(server);
  if (!link) co_return fail(Errc::not_found, "server", server);
  if (!link->greeted) {
    if (auto met = co_await greet(self, link); !met) co_return forward(met);
    self->learn(link);
  }
  if (!self->session_) co_return fail(Errc::closed, "session", "it has ended");
  auto reply = co_await self->session_->request(server, method, params, std::move(options));
  // The next call finds another instance, which may list something else.
  if (!reply && reply.error().is(Errc::closed)) link->greeted = false;
  co_return reply;
}

asio::awaitable<void> AllServers::send_level(AllServersPtr self, LinkPtr link) {
  if (self->level_.empty() || !self->session_) co_return;
  if (!has_capability(std::string(link->capabilities()), "logging")) co_return;
  const std::string level = self->level_;
  auto reply =
      co_await self->session_->request(link->server, "logging/setLevel", level,
                                       {.deadline = steady_clock::now() + kLevelPatience, .progress = {}});
  if (!reply || reply->error)
    log::debug("session.level_refused", {{"server", link->server}, {"session", self->session_id_}});
}

asio::awaitable<Result<mcp::Reply>> AllServers::set_level(AllServersPtr self, std::string params) {
  co_await enter(self);
  self->level_ = std::move(params);
  for (const auto& [server, link] : self->links_)
    if (link->greeted) self->loop_->tasks.spawn("view.level", send_level(self, link));
  co_return mcp::Reply{.result = "{}", .error = {}};
}

Result<void> AllServers::notify(std::string_view method, std::string_view params) {
  if (!session_) return fail(Errc::closed, "session", "it has ended");
  if (method != "notifications/roots/list_changed") return {};  // nothing else is meant for servers
  for (const auto& [server, link] : links_)
    if (link->greeted) (void)session_->notify(server, method, params);
  return {};
}

void AllServers::notified(std::string_view server, std::string_view method, std::string_view params,
                          CallNumber call) {
  if (!session_) return;
  bool of_a_list = false;
  const LinkPtr link = link_of(server);
  for (const ListRow& row : list_rows()) {
    if (row.changed != method) continue;
    of_a_list = true;
    if (link) link->stale[static_cast<std::size_t>(row.kind)] = true;
  }
  // Passed on once the new list is known, if it is another one: who hears of it asks at once.
  if (of_a_list) return link ? learn(link) : void();
  if (const auto client = client_.lock()) client->notified(server, method, params, call);
}

asio::awaitable<Result<mcp::Reply>> AllServers::asked(std::string server, std::string method,
                                                      std::string params, CallNumber call) {
  const auto client = client_.lock();
  if (!client) co_return fail(Errc::closed, "client", "it is gone");
  co_return co_await client->asked(std::move(server), std::move(method), std::move(params), call);
}

void AllServers::remembered(const CatalogKey& key, const RecordPtr& record) {
  const auto it = links_.find(key.server);
  if (!session_ || it == links_.end() || it->second->key != key) return;
  it->second->record = record;
  if (loop_) pulse();
  tell_changes(*it->second);
}

void AllServers::servers_changed() {
  std::array<bool, kListKinds> told{};
  for (const auto& [server, link] : links_)
    for (std::size_t kind = 0; kind < kListKinds; ++kind) told[kind] |= link->told[kind].has_value();
  for (const ListRow& row : list_rows())
    if (told[static_cast<std::size_t>(row.kind)] && row.kind != ListKind::templates) say({}, row.changed);
}

void AllServers::tell_changes(Link& link) {
  std::string_view last;
  for (const ListRow& row : list_rows()) {
    auto& told = link.told[static_cast<std::size_t>(row.kind)];
    const ListingPtr now = link.listing(row.kind);
    if (!told || *told == now) continue;
    static const Listing kNothing;
    const bool same = (*told ? **told : kNothing) == (now ? *now : kNothing);
    told = now;
    if (same || row.changed == std::exchange(last, row.changed)) continue;
    say(link.server, row.changed);
  }
}

void AllServers::say(std::string_view server, std::string_view method) {
  if (const auto client = client_.lock(); client && session_) client->notified(server, method, {}, 0);
}

}  // namespace holdfast::gateway
