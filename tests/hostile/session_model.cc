#include "session_model.h"

#include <algorithm>
#include <utility>

namespace holdfast::test {

using Kind = Message::Kind;
using Wants = Message::Wants;

namespace {

constexpr int kParseError = -32700, kInvalidRequest = -32600, kInternalError = -32603, kServerError = -32000,
              kUnknownSession = -32001, kCancelled = -32800;

bool contains(const std::vector<std::string>& all, const std::string& one) {
  return std::ranges::find(all, one) != all.end();
}

Verdict refused(unsigned status, const std::string& id, int code) {
  return {.status = status, .answers = {{.id = id, .code = code}}};
}

}  // namespace

bool SessionModel::Waiting::over() const {
  return std::ranges::all_of(parts, [](const Part& part) { return part.withdrawn || part.answer; });
}

Verdict SessionModel::Waiting::verdict() const {
  Verdict verdict;
  for (const Part& part : parts)
    if (!part.withdrawn && part.answer) verdict.answers.push_back(*part.answer);
  verdict.status = verdict.answers.empty() ? 202 : 200;
  return verdict;
}

void SessionModel::forget(std::size_t waiting) {
  const Waiting& gone = waiting_[waiting];
  for (const auto& part : gone.parts)
    if (part.begun && !part.answer && !part.withdrawn) free_id(gone.session, part.id);
  waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(waiting));
  stage_.waiting = waiting_.size();
}

void SessionModel::free_id(std::size_t session, const std::string& id) {
  auto& ids = stage_.sessions[session].in_flight;
  if (const auto at = std::ranges::find(ids, id); at != ids.end()) ids.erase(at);
}

std::optional<Verdict> SessionModel::judge(const Frame& frame) {
  switch (frame.act) {
    case Frame::Act::post:
      return judge_post(frame);
    case Frame::Act::listen:
      return judge_listen(frame);
    case Frame::Act::put:
      return refused(405, "", kServerError);
    case Frame::Act::end: {
      if (auto no = gate(frame, "")) return no;
      end(static_cast<std::size_t>(frame.session));
      return Verdict{.status = 204};
    }
    case Frame::Act::break_connection:
      end(static_cast<std::size_t>(frame.session));
      return Verdict{};
    case Frame::Act::hang_up:
      forget(static_cast<std::size_t>(frame.session));
      return Verdict{};
  }
  return std::nullopt;
}

std::optional<Verdict> SessionModel::judge_post(const Frame& frame) {
  const Message& message = frame.message;
  if (frame.accept == Frame::Accept::html) return refused(406, "", kServerError);
  if (!frame.typed) return refused(415, "", kServerError);
  if (message.kind == Kind::garbage) return refused(400, "", kParseError);
  if (message.kind == Kind::invalid) return refused(400, message.id, kInvalidRequest);
  if (message.wants == Wants::initialize) return judge_initialize(frame);
  if (auto no = gate(frame, message.id)) return no;
  const auto session = static_cast<std::size_t>(frame.session);
  if (message.kind == Kind::batch) return judge_batch(session, message);
  if (message.kind != Kind::request) {
    if (hear(session, message, nullptr)) free_id(session, message.cancels);
    return lie_ == Lie::notifications_are_answered ? Verdict{} : Verdict{.status = 202};
  }
  Waiting waiting{.session = session, .parts = {begin(session, message)}};
  if (!waiting.over()) {
    waiting_.push_back(std::move(waiting));
    stage_.waiting = waiting_.size();
    return std::nullopt;
  }
  Verdict verdict = waiting.verdict();
  const bool served = verdict.answers.front().code == message.code && !message.token.empty();
  if (served) {
    if (frame.accept == Frame::Accept::both)
      verdict.progress.push_back(message.token);
    else
      extra_[session].unasked.push_back(message.token);
  }
  if (waiting.parts.front().begun) free_id(session, message.id);
  if (waiting.parts.front().begun && message.wants == Wants::death) fail_all(session, kInternalError);
  return verdict;
}

Verdict SessionModel::judge_initialize(const Frame& frame) {
  const std::string& id = frame.message.id;
  if (frame.session != Frame::kNoSession) return refused(400, id, kInvalidRequest);
  if (frame.server == "nobody") return refused(404, id, kInternalError);
  stage_.sessions.push_back(
      {.server = frame.server, .revision = frame.message.holds, .open = true, .bound = frame.bind});
  extra_.emplace_back();
  return {.answers = {{.id = id, .holds = R"("protocolVersion":")" + frame.message.holds + "\""}},
          .opens = true};
}

// Why a request is of no session; nullopt: it is.
std::optional<Verdict> SessionModel::gate(const Frame& frame, const std::string& id) const {
  if (frame.session == Frame::kNoSession) return refused(400, id, kServerError);
  if (frame.session == Frame::kUnknownSession) return refused(404, id, kUnknownSession);
  const auto& seat = stage_.sessions[static_cast<std::size_t>(frame.session)];
  if (!seat.open || seat.server != frame.server) return refused(404, id, kUnknownSession);
  if (frame.version == "1999-01-01") return refused(400, id, kServerError);
  return std::nullopt;
}

Verdict SessionModel::judge_listen(const Frame& frame) {
  if (frame.accept != Frame::Accept::both) return refused(406, "", kServerError);
  if (auto no = gate(frame, "")) return *no;
  if (!frame.last_event.empty()) return refused(400, "", kServerError);
  bool& listening = extra_[static_cast<std::size_t>(frame.session)].listening;
  if (std::exchange(listening, true)) return refused(409, "", kServerError);
  return {.opens = true};
}

std::optional<Verdict> SessionModel::judge_batch(std::size_t session, const Message& batch) {
  if (stage_.sessions[session].revision != kRevisionOfBatches || batch.parts.empty() ||
      batch.parts.size() > kMostRequests)
    return refused(400, "", kInvalidRequest);
  Waiting waiting{.session = session, .batch = true};
  std::vector<std::string> over;  // ids that are taken while the batch is read, and free soon afterwards
  for (const Message& part : batch.parts) {
    if (part.kind == Kind::notification || part.kind == Kind::response) {
      if (hear(session, part, &waiting)) over.push_back(part.cancels);
      continue;
    }
    if (part.kind == Kind::request) {
      const auto& begun = waiting.parts.emplace_back(begin(session, part));
      if (begun.begun && begun.answer) over.push_back(part.id);
    } else {
      waiting.parts.push_back({.id = part.id, .answer = Answer{.id = part.id, .code = kInvalidRequest}});
    }
  }
  for (const auto& id : over) free_id(session, id);
  if (waiting.over()) return waiting.verdict();
  waiting_.push_back(std::move(waiting));
  stage_.waiting = waiting_.size();
  return std::nullopt;
}

SessionModel::Waiting::Part SessionModel::begin(std::size_t session, const Message& request) {
  auto& ids = stage_.sessions[session].in_flight;
  Waiting::Part part{.id = request.id};
  const auto is_error = [&](int code) { part.answer = Answer{.id = request.id, .code = code}; };
  if (request.is_ping) {
    part.answer = Answer{.id = request.id, .holds = R"("result":{})"};
  } else if (request.wants == Wants::initialize) {
    is_error(kInvalidRequest);
  } else if (contains(ids, request.id) && lie_ != Lie::ids_may_repeat) {
    is_error(kInvalidRequest);
  } else if (ids.size() >= kMostRequests) {
    is_error(kInternalError);
  } else {
    ids.push_back(request.id);
    part.begun = true;
    if (request.wants != Wants::silence)
      part.answer = Answer{.id = request.id, .code = request.code, .holds = request.holds};
  }
  return part;
}

// A cancellation takes effect on what is in flight, be it of the batch that it stands in itself. True: it
// did.
bool SessionModel::hear(std::size_t session, const Message& message, Waiting* current) {
  if (message.cancels.empty() || !contains(stage_.sessions[session].in_flight, message.cancels)) return false;
  const auto withdraw = [&](Waiting& waiting, bool answered_too) {
    if (waiting.session != session) return false;
    const auto part = std::ranges::find_if(waiting.parts, [&](const Waiting::Part& one) {
      return one.id == message.cancels && one.begun && !one.withdrawn && (answered_too || !one.answer);
    });
    if (part == waiting.parts.end()) return false;
    if (lie_ == Lie::cancelled_is_answered)
      part->answer = Answer{.id = part->id, .code = kCancelled};
    else
      part->withdrawn = true;
    return true;
  };
  return std::ranges::any_of(waiting_, [&](Waiting& waiting) { return withdraw(waiting, false); }) ||
         (current != nullptr && withdraw(*current, true));
}

void SessionModel::end(std::size_t session) {
  if (lie_ == Lie::end_is_no_end) return;
  stage_.sessions[session].open = false;
  fail_all(session, kCancelled);
}

// Whatever is in flight of that session.
void SessionModel::fail_all(std::size_t session, int code) {
  stage_.sessions[session].in_flight.clear();
  for (Waiting& waiting : waiting_)
    for (auto& part : waiting.parts)
      if (waiting.session == session && !part.answer) part.answer = Answer{.id = part.id, .code = code};
}

}  // namespace holdfast::test
