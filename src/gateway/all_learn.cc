// AllServers' part that finds out what servers list.
#include <algorithm>
#include <functional>
#include <set>
#include <utility>

#include "base/log.h"
#include "gateway/all_servers.h"
#include "mcp/message.h"

namespace holdfast::gateway {

using std::chrono::steady_clock;

namespace {

constexpr int kMostPages = 1000;  // of one listing: a server that goes beyond is broken

bool is_waiting_useless(const ServerView& view) { return view.state == "backoff" || view.state == "parked"; }

// What somebody waits for and nobody knows, and what is known to be old.
bool has_questions(AllServers::Link& link) {
  for (std::size_t kind = 0; kind < kListKinds; ++kind)
    if (std::exchange(link.wanted[kind], false) && !link.listing(static_cast<ListKind>(kind)))
      link.stale[kind] = true;
  return std::ranges::any_of(link.stale, std::identity());
}

}  // namespace

asio::awaitable<void> AllServers::gather(AllServersPtr self, ListKind kind,
                                         steady_clock::time_point deadline) {
  co_await enter(self);
  const auto at = static_cast<std::size_t>(kind);
  const auto all = self->listed();
  for (const auto& [view, link] : all) {
    if (view.state == "unusable" || link->listing(kind)) continue;
    link->wanted[at] = true;
    self->learn(link);
  }
  // The catalogue is waited for in any case, a server only where it may come and for as long as was said.
  const auto waits_until = [&](const Listed& each) {
    const Link& link = *each.link;
    if (!link.learning || link.listing(kind)) return steady_clock::time_point::min();
    if (!link.recalled) return deadline;
    if (is_waiting_useless(each.view)) return steady_clock::time_point::min();
    return std::min(deadline, link.learning_since + self->options_.patience);
  };
  while (self->session_ && !co_await is_cancelled()) {
    auto until = steady_clock::time_point::min();
    for (const Listed& each : all) until = std::max(until, waits_until(each));
    if (until <= steady_clock::now()) break;
    (void)co_await self->loop_->learned.wait_until(until);
  }
}

void AllServers::learn(const LinkPtr& link) {
  if (!session_ || !loop_ || std::exchange(link->learning, true)) return;
  link->learning_since = steady_clock::now();
  loop_->tasks.spawn("view.learn", learn_all(shared_from_this(), link));
}

asio::awaitable<void> AllServers::recall(AllServersPtr self, LinkPtr link) {
  if (link->recalled) co_return;
  auto record = co_await self->catalog_->recall(link->key);
  link->recalled = true;
  if (!link->record) link->record = std::move(record);
}

asio::awaitable<void> AllServers::learn_all(AllServersPtr self, LinkPtr link) {
  co_await recall(self, link);
  self->pulse();
  link->failure.clear();
  while (self->session_ && has_questions(*link) && !co_await is_cancelled()) {
    if (auto met = co_await greet(self, link); !met) {
      link->greeted = false;
      link->stale.fill(false);
      link->failure = met.error().message();
      break;
    }
    bool any = false;
    for (const ListRow& row : list_rows()) {
      if (!std::exchange(link->stale[static_cast<std::size_t>(row.kind)], false)) continue;
      auto listing = co_await drain(self, link, row.kind);
      if (listing)
        link->own.listing(row.kind) = *std::move(listing);
      else
        link->failure = listing.error().message();
      any |= listing.has_value();
      self->pulse();
      if (!link->greeted) link->stale.fill(false);  // it is gone, and a question would start the next one
    }
    if (any && self->session_) {
      ServerRecord record = link->own;
      for (const ListRow& row : list_rows())
        if (!record.listing(row.kind)) record.listing(row.kind) = link->known(row.kind);
      self->catalog_->remember(link->key, std::move(record));
      self->tell_changes(*link);
    }
  }
  link->learning = false;
  self->pulse();
}

asio::awaitable<Result<ListingPtr>> AllServers::drain(AllServersPtr self, LinkPtr link, ListKind kind) {
  const ListRow& row = row_of(kind);
  auto listing = std::make_shared<Listing>();
  if (!has_capability(std::string(link->capabilities()), row.capability)) co_return listing;
  const auto deadline = steady_clock::now() + self->options_.listing_time;
  std::set<std::string> seen;
  std::string params;
  for (int page = 0; page < kMostPages; ++page) {
    if (!self->session_) co_return fail(Errc::closed, "session", "it has ended");
    auto reply = co_await self->session_->request(link->server, row.method, params,
                                                  {.deadline = deadline, .progress = {}});
    if (!reply) {
      if (reply.error().is(Errc::closed)) link->greeted = false;
      co_return forward(reply);
    }
    if (reply->error) {
      // A server without any need not know the method.
      if (reply->error->code == mcp::kMethodNotFound && page == 0) co_return listing;
      co_return fail(Errc::protocol, row.method, "the server refused: " + reply->error->message);
    }
    auto next = add_page(kind, link->server, reply->result, *listing);
    if (!next) co_return forward(next);
    if (next->empty()) co_return listing;
    if (!seen.insert(*next).second)
      co_return fail(Errc::protocol, row.method, "the server repeats the cursor " + *next);
    params = "{\"cursor\":" + *next + "}";
  }
  co_return fail(Errc::protocol, row.method,
                 "the listing does not end after " + std::to_string(kMostPages) + " pages");
}

}  // namespace holdfast::gateway
