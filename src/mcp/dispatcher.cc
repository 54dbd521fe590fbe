#include "mcp/dispatcher.h"

#include <charconv>

#include "base/log.h"
#include "base/mutant.h"

namespace holdfast::mcp {
namespace {

using std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto kGarbageLogInterval = 10s;
constexpr std::size_t kMostInBatch = 1000;
// Of requests of the server's that wait for somebody's answer.
constexpr std::size_t kMostAsked = 64;
constexpr std::size_t kMostAskedBytes = 64U << 20;
constexpr std::size_t kLongestAskedId = 1024;

// Our ids and tokens are plain integers; whatever else comes back is none of ours.
std::optional<std::int64_t> own_id(std::string_view raw) {
  std::int64_t id = 0;
  const auto [end, ec] = std::from_chars(raw.data(), raw.data() + raw.size(), id);
  if (ec != std::errc() || end != raw.data() + raw.size() || id <= 0) return std::nullopt;
  return id;
}

}  // namespace

Dispatcher::Dispatcher(asio::any_io_executor executor, std::unique_ptr<Channel> channel, std::string server,
                       Client::Events events)
    : executor_(std::move(executor)),
      channel_(std::move(channel)),
      server_(std::move(server)),
      events_(std::move(events)) {}

void Dispatcher::start() {
  // The channel is ours, so it must not hold us; while it tells something, the lock does.
  const auto weak = weak_from_this();
  channel_->start({.line =
                       [weak](PaddedText line) {
                         if (auto self = weak.lock()) self->on_line(line);
                       },
                   .oversized =
                       [weak](const Skimmed& report) {
                         if (auto self = weak.lock()) self->on_oversized(report);
                       },
                   .undelivered =
                       [weak](std::string_view id) {
                         if (auto self = weak.lock()) self->on_undelivered(id);
                       },
                   .closed =
                       [weak](const Error& why) {
                         if (auto self = weak.lock()) self->on_closed(why);
                       }});
}

Result<void> Dispatcher::may_send(std::string_view method) const {
  if (over_) return fail(Errc::closed, "request", "the connection is closed");
  if (phase_ == Phase::stopping) return fail(Errc::closed, "request", "the server is being stopped");
  if (phase_ == Phase::ready || method == "ping" || method == "initialize") return {};
  return fail(Errc::refused, "request", "not initialized");
}

Result<std::string> Dispatcher::message_line(std::optional<std::int64_t> id, std::string_view method,
                                             std::string_view params, bool progress) {
  const std::string token = id ? std::to_string(*id) : std::string();
  std::string line;
  line.reserve(params.size() + method.size() + 128 + kPadding);
  line.append(R"({"jsonrpc":"2.0",)");
  if (id) line.append(R"("id":)").append(token).append(",");
  line.append(R"("method":)").append(quote(method));
  if (params.empty()) {
    if (progress) line.append(R"(,"params":{"_meta":{"progressToken":)").append(token).append("}}");
    return line.append("}");
  }
  line.append(R"(,"params":)");
  const std::size_t at = line.size();
  line.append(params);
  line.reserve(line.size() + kPadding);
  const auto read = splicer_.read_params(PaddedText::promised(std::string_view(line).substr(at)));
  if (!read) return std::unexpected(read.error());
  put_on_one_line(line, at);
  // A token of somebody else's is replaced even if nobody listens: it could be one of ours.
  if (id && (progress || read->token) && kSwitchedOff != Mechanism::tokens_are_our_own) {
    std::string storage;
    const Edit edit = set_progress_token(*read, token, storage);
    line.replace(at + edit.where.offset, edit.where.size, edit.with);
  }
  return line.append("}");
}

Result<std::pair<std::int64_t, std::shared_ptr<Pending>>> Dispatcher::send_request(
    std::string_view method, std::string_view params, std::function<void(std::string_view)> progress) {
  if (over_) return fail(Errc::closed, "request", "the connection is closed");
  const std::int64_t id = last_id_ + 1;
  auto line = message_line(id, method, params, static_cast<bool>(progress));
  if (!line) return forward(line);
  auto sent = channel_->send(std::move(*line));
  if (!sent) return forward(sent);
  last_id_ = id;
  ++counters_.requests;
  auto pending = std::make_shared<Pending>(executor_);
  pending->progress = std::move(progress);
  pending_.emplace(id, pending);
  return std::pair(id, std::move(pending));
}

Result<void> Dispatcher::send_notification(std::string_view method, std::string_view params) {
  auto line = message_line(std::nullopt, method, params, false);
  if (!line) return forward(line);
  return channel_->send(std::move(*line));
}

void Dispatcher::forget(std::int64_t id, std::string_view reason) {
  if (pending_.erase(id) == 0 || reason.empty() || over_) return;
  const auto told =
      channel_->send(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":)" +
                     std::to_string(id) + R"(,"reason":)" + quote(reason) + "}}");
  if (!told)
    log::debug("mcp.cancel_not_sent", {{"server", server_}, {"id", id}, {"error", told.error().message()}});
}

void Dispatcher::settle(std::int64_t id, Result<Reply> outcome) {
  const auto found = pending_.find(id);
  if (found == pending_.end()) {
    ++(id <= last_id_ ? counters_.late_replies : counters_.unknown_replies);
    return;
  }
  ++counters_.replies;
  const auto pending = std::move(found->second);
  pending_.erase(found);
  pending->outcome = std::move(outcome);
  pending->done.set();
}

void Dispatcher::fail_all(const Error& why) {
  if (kSwitchedOff == Mechanism::end_fails_calls) return;
  const auto all = std::exchange(pending_, {});
  for (const auto& [id, pending] : all) {
    pending->outcome = std::unexpected(why);
    pending->done.set();
  }
}

void Dispatcher::release() {
  over_ = true;
  asked_.clear();
  channel_->release();
  fail_all(Error{make_error_code(Errc::closed), "request", "the connection was let go"});
}

void Dispatcher::on_closed(const Error& why) {
  if (over_) return;
  over_ = true;
  fail_all(why);
  if (events_.closed) events_.closed(why);
}

void Dispatcher::on_undelivered(std::string_view id) {
  if (const auto own = own_id(id))
    settle(*own, std::unexpected(Error{std::make_error_code(std::errc::resource_unavailable_try_again),
                                       {},
                                       std::string_view(server_ + " forgot our session")}));
}

void Dispatcher::on_line(PaddedText line) {
  const Message message = splicer_.read(line);
  if (message.kind == Kind::batch)
    on_batch(line);
  else
    on_message(line.view(), message);
}

void Dispatcher::on_batch(PaddedText line) {
  if (!revision_ || !revision_->batches)
    return garbage("a batch, which this revision does not have", line.view(), line.view().size());
  const auto list = elements(line, kMostInBatch);
  if (!list && list.error().is(Errc::limit))
    return garbage("a batch of too many messages", line.view(), line.view().size());
  if (!list || list->empty()) return garbage("malformed batch", line.view(), line.view().size());
  std::string answers;
  batch_ = &answers;
  for (const std::string_view element : *list) {
    on_message(element, splicer_.read(PaddedText::promised(element)));
    if (over_) break;
  }
  batch_ = nullptr;
  if (!over_ && !answers.empty()) say("[" + answers + "]");
}

void Dispatcher::on_message(std::string_view line, const Message& message) {
  switch (message.kind) {
    case Kind::request:
      return on_request(line, message);
    case Kind::notification:
      return on_notification(line, message);
    case Kind::response:
      return on_response(line, message);
    case Kind::batch:  // inside of another
    case Kind::invalid:
      return on_invalid(line, message);
  }
}

void Dispatcher::on_request(std::string_view line, const Message& message) {
  const std::string_view id = message.id.of(line);
  const std::string_view params = message.params.whole.of(line);
  if (message.method == "ping") return say(result_line(id, "{}"));
  const bool too_many =
      asked_.size() >= kMostAsked || (!asked_.empty() && asked_bytes_ + params.size() > kMostAskedBytes);
  const bool wrong_id = asked_.contains(id) || id.size() > kLongestAskedId;
  if (events_.request && phase_ == Phase::ready && !too_many && !wrong_id) {
    asked_.emplace(id, params.size());
    asked_bytes_ += params.size();
    return events_.request(id, message.method, params);
  }
  ++counters_.refused_requests;
  if (!events_.request || phase_ != Phase::ready)
    return refuse(id, kMethodNotFound, "Method not found: " + message.method);
  if (wrong_id) return refuse(id, kInvalidRequest, "the id is in use, or too long");
  refuse(id, kInternalError, "too many requests wait for an answer");
}

void Dispatcher::answer(std::string_view id, const Reply& reply) {
  const auto found = asked_.find(id);
  if (found == asked_.end()) return;
  std::string line = reply.error ? error_line(id, reply.error->code, reply.error->message, reply.error->data)
                                 : result_line(id, reply.result);
  put_on_one_line(line);
  // It is somebody else's text: nothing in it may become a message, or an answer to something else.
  const Message read = splicer_.read(PaddedText::in(line));
  if (read.kind != Kind::response || read.id.of(line) != id)
    line = error_line(id, kInternalError, "the client's answer is malformed");
  asked_bytes_ -= found->second;
  asked_.erase(found);
  say(std::move(line));
}

void Dispatcher::withdraw(std::string_view id) {
  const auto found = asked_.find(id);
  if (found == asked_.end()) return;
  asked_bytes_ -= found->second;
  asked_.erase(found);
  if (events_.withdrawn) events_.withdrawn(id);
}

void Dispatcher::stop() {
  phase_ = Phase::stopping;
  asked_bytes_ = 0;
  for (const auto& [id, bytes] : std::exchange(asked_, {})) {
    refuse(id, kInternalError, "the server is being stopped");
    if (events_.withdrawn) events_.withdrawn(id);
  }
}

void Dispatcher::on_notification(std::string_view line, const Message& message) {
  if (message.method == "notifications/progress") {
    const auto id = own_id(message.params.progress.of(line));
    const auto found = id ? pending_.find(*id) : pending_.end();
    if (found == pending_.end() || !found->second->progress) return;
    const auto pending = found->second;  // the listener may end the request
    return pending->progress(message.params.whole.of(line));
  }
  // A cancellation is told as what it means: whoever would hear of it knows none of the server's ids.
  if (message.method == "notifications/cancelled") return withdraw(message.params.cancelled.of(line));
  if (events_.notification) events_.notification(message.method, message.params.whole.of(line));
}

void Dispatcher::on_response(std::string_view line, const Message& message) {
  const auto id = own_id(message.id.of(line));
  if (!id) {
    ++counters_.unknown_replies;
    return;
  }
  if (!pending_.contains(*id)) return settle(*id, Reply{});  // not copied: nobody waits
  if (message.error)
    settle(*id, Reply{.result = {}, .error = read_error(PaddedText::promised(message.error.of(line)))});
  else
    settle(*id, Reply{.result = std::string(message.result.of(line)), .error = {}});
}

// What stands on a server's stdout and is no message is skipped. Whoever waits for it is told, all the same:
// the server must not outlive its end-of-file for want of an answer of ours, nor a caller wait for one that
// has come.
void Dispatcher::on_invalid(std::string_view line, const Message& message) {
  const std::string_view problem = message.problem.empty() ? "a batch in a batch" : message.problem;
  garbage(problem, line, line.size());
  if (message.id && !message.method.empty()) return refuse(message.id.of(line), kInvalidRequest, problem);
  const Skimmed seen = skim(line);
  if (const auto id = own_id(seen.id); id && seen.is_answer() && pending_.contains(*id))
    settle(*id, fail(Errc::protocol, "request", "the server's answer is invalid: " + std::string(problem)));
}

void Dispatcher::on_oversized(const Skimmed& report) {
  garbage("a line longer than the limit", report.id, report.size);
  if (report.has_method) {
    // The skimmed id comes from a text that nobody checked.
    const bool id = report.id.starts_with('"') ? well_formed(report.id) : is_number(report.id);
    if (id) refuse(report.id, kInvalidRequest, "the message is too long");
    return;
  }
  if (const auto id = own_id(report.id))
    settle(*id,
           fail(Errc::limit, "request",
                "the answer of " + std::to_string(report.size) + " bytes is longer than the line limit"));
}

void Dispatcher::refuse(std::string_view id, std::int64_t code, std::string_view why) {
  say(error_line(id, code, why));
}

void Dispatcher::say(std::string answer) {
  if (batch_) {
    if (!batch_->empty()) batch_->push_back(',');
    batch_->append(answer);
    return;
  }
  if (auto sent = channel_->send(std::move(answer)); !sent)
    log::debug("mcp.answer_not_sent", {{"server", server_}, {"error", sent.error().message()}});
}

void Dispatcher::garbage(std::string_view problem, std::string_view line, std::size_t size) {
  ++counters_.garbage_lines;
  ++unlogged_garbage_;
  const auto now = steady_clock::now();
  if (now < next_garbage_log_) return;
  next_garbage_log_ = now + kGarbageLogInterval;
  log::warn("mcp.garbage", {{"server", server_},
                            {"problem", problem},
                            {"bytes", size},
                            {"lines", unlogged_garbage_},
                            {"text", line.substr(0, 120)}});
  unlogged_garbage_ = 0;
}

}  // namespace holdfast::mcp
