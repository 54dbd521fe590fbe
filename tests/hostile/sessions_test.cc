// Random sequences of frames against the model of session_model.h: what comes back, to whom, how often, and
// what is left. What fails prints its seed and the frames up to the one that was answered otherwise; each
// frame is compared before the next is sent, so that none of them stands behind the fault.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>

#include "base/log.h"
#include "census.h"
#include "desk.h"
#include "outer.h"
#include "session_model.h"

namespace holdfast::test {
namespace {

constexpr milliseconds kAnswer = 10s, kGone = 10s;

std::uint64_t number_of(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

// How often each outcome was demanded: what never was has not been tested.
using Tally = std::map<std::string, int>;

// One sequence at the desk.
class Play {
 public:
  Play(Desk& desk, std::uint64_t seed, Lie lie, Tally& tally)
      : desk_(desk), random_(seed), model_(lie), tally_(tally) {}
  // What is wrong; empty: nothing.
  std::string run();
  [[nodiscard]] const std::string& script() const { return script_; }

 private:
  std::string step(const Frame& frame);
  std::string take_effect(const Frame& frame, const Verdict& verdict);
  std::string compare(const Asked& asked, const Verdict& verdict);
  std::string compare_waiting();
  std::string compare_streams() const;
  std::string end();
  AskedPtr send(const Frame& frame);
  bool sync(std::size_t session);

  struct Seat {
    std::string id;
    std::uint64_t connection = 0;
    AskedPtr stream{};
  };
  Desk& desk_;
  Generator random_;
  SessionModel model_;
  std::vector<Seat> seats_;
  std::vector<AskedPtr> waiting_;
  std::uint64_t connections_ = 0;
  std::string script_;
  Tally& tally_;
};

std::string answers_of(const Asked& asked) {
  return "status " + std::to_string(asked.status) + ", body " + asked.body.substr(0, 600);
}

AskedPtr Play::send(const Frame& frame) {
  static constexpr const char* kVerbs[] = {"POST", "GET", "DELETE", "PUT"};
  Headers headers;
  switch (frame.accept) {
    case Frame::Accept::both:
      headers.emplace_back("Accept", "application/json, text/event-stream");
      break;
    case Frame::Accept::json:
      headers.emplace_back("Accept", "application/json");
      break;
    case Frame::Accept::html:
      headers.emplace_back("Accept", "text/html");
      break;
    case Frame::Accept::none:
      break;
  }
  headers.emplace_back("Content-Type", frame.typed ? "application/json" : "text/plain");
  if (frame.session >= 0)
    headers.emplace_back("Mcp-Session-Id", seats_[static_cast<std::size_t>(frame.session)].id);
  if (frame.session == Frame::kUnknownSession) headers.emplace_back("Mcp-Session-Id", "nope");
  if (!frame.version.empty()) headers.emplace_back("MCP-Protocol-Version", frame.version);
  if (!frame.last_event.empty()) headers.emplace_back("Last-Event-ID", frame.last_event);
  if (frame.bind) headers.emplace_back("Holdfast-Bind", "connection");
  return desk_.send(kVerbs[static_cast<int>(frame.act)], "/mcp/" + frame.server, frame.message.text,
                    std::move(headers), frame.bind ? ++connections_ : 0);
}

// A server answers in order, so that what it was sent before is answered when this is. Where as many calls
// as may be are in flight, all of them are silent ones.
bool Play::sync(std::size_t session) {
  const auto& seat = model_.stage().sessions[session];
  if (seat.in_flight.size() >= kMostRequests) return true;
  const auto deadline = std::chrono::steady_clock::now() + kAnswer;
  while (std::chrono::steady_clock::now() < deadline) {
    const auto asked =
        desk_.post(seat.server, seats_[session].id, tool_call(R"("sync")", "echo", R"({"text":"sync"})"));
    if (!desk_.wait(asked)) return false;
    if (text_of(asked->body) == "sync") return true;
  }
  return false;
}

std::string Play::step(const Frame& frame) {
  AskedPtr asked;
  if (frame.act == Frame::Act::hang_up) {
    const auto at = waiting_.begin() + frame.session;
    asked = *at;
    asked->task.cancel();
    waiting_.erase(at);
    if (!desk_.wait(asked)) return "a request goes on whose client hung up";
    ++tally_["hung up"];
  } else if (frame.act == Frame::Act::break_connection) {
    desk_.endpoint->connection_closed(seats_[static_cast<std::size_t>(frame.session)].connection);
  } else {
    asked = send(frame);
  }
  const auto verdict = model_.judge(frame);
  if (!verdict) {
    waiting_.push_back(asked);
    desk_.settle();
    if (frame.message.kind == Message::Kind::batch && !sync(static_cast<std::size_t>(frame.session)))
      return "the server of the session does not answer";
  } else if (frame.act <= Frame::Act::put) {
    if (!desk_.house.turn_until([&] { return asked->answered && (asked->over || asked->is_stream); },
                                kAnswer))
      return "no answer";
    if (frame.act == Frame::Act::post && !desk_.wait(asked)) return "a stream without an end";
    if (auto fault = compare(*asked, *verdict); !fault.empty()) return fault;
    if (frame.message.wants == Message::Wants::death && verdict->answers.front().code == frame.message.code)
      ++tally_["a server that died"];
    if (verdict->opens && frame.act == Frame::Act::post)
      seats_.push_back({.id = asked->session, .connection = frame.bind ? connections_ : 0});
    if (verdict->opens && frame.act == Frame::Act::listen)
      seats_[static_cast<std::size_t>(frame.session)].stream = asked;
  }
  desk_.settle();
  return compare_waiting();
}

std::string Play::compare(const Asked& asked, const Verdict& verdict) {
  const auto wrong = [&](const std::string& what) { return what + ": " + answers_of(asked); };
  if (asked.status != verdict.status) return wrong("not the status " + std::to_string(verdict.status));
  ++tally_["status " + std::to_string(verdict.status)];
  if (!verdict.progress.empty()) ++tally_["progress"];
  if (asked.is_stream && !asked.over) return "";  // compare_streams() reads it at the end
  auto messages = asked.messages();
  for (const std::string& token : verdict.progress) {
    const auto told = std::ranges::find_if(messages, [&](const std::string& message) {
      return message.starts_with(R"({"jsonrpc":"2.0","method":"notifications/progress",)") &&
             message.find(R"("progressToken":)" + token + "}") != std::string::npos;
    });
    if (told == messages.end()) return wrong("no progress of token " + token);
    messages.erase(told);
  }
  for (const Answer& answer : verdict.answers) {
    const auto said = std::ranges::find_if(messages, [&](const std::string& message) {
      return answer.code == 0
                 ? is_result_of(message, answer.id) && message.find(answer.holds) != std::string::npos
                 : is_error_of(message, answer.id, answer.code);
    });
    if (said == messages.end())
      return wrong(
          "id " + answer.id + " has not got " +
          (answer.code == 0 ? "its result " + answer.holds : "error " + std::to_string(answer.code)));
    messages.erase(said);
    ++tally_[answer.code == 0 ? "result" : "error " + std::to_string(answer.code)];
  }
  return messages.empty() ? "" : wrong("more than was asked for: " + messages.front());
}

// Whoever waits by the model waits, and nobody else.
std::string Play::compare_waiting() {
  for (std::size_t i = 0; i < waiting_.size();) {
    auto& model = model_.waiting()[i];
    const AskedPtr asked = waiting_[i];
    if (!model.over()) {
      if (asked->over) return "an answer that its server has not given: " + answers_of(*asked);
      ++i;
      continue;
    }
    if (!desk_.wait(asked, kAnswer)) return "a request hangs that is over";
    ++tally_[model.batch ? "a batch that waited" : "a request that waited"];
    if (auto fault = compare(*asked, model.verdict()); !fault.empty()) return fault;
    model_.forget(i);
    waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(i));
  }
  return "";
}

// On the streams that belong to no request: the progress of calls that had none, in order; never an answer.
std::string Play::compare_streams() const {
  for (std::size_t i = 0; i < seats_.size(); ++i) {
    if (!seats_[i].stream) continue;
    const auto& expected = model_.unasked(i);
    const auto told = seats_[i].stream->messages();
    if (!std::ranges::equal(told, expected, [](const std::string& message, const std::string& token) {
          return message.find("notifications/progress") != std::string::npos &&
                 message.find(R"("progressToken":)" + token + "}") != std::string::npos;
        }))
      return "session " + std::to_string(i) + " has heard on its stream: " + seats_[i].stream->body;
  }
  return "";
}

// Every session ends, in the one way or the other; then nothing of them may be left.
std::string Play::end() {
  if (auto fault = compare_streams(); !fault.empty()) return fault;
  for (std::size_t i = 0; i < seats_.size(); ++i) {
    const auto& seat = model_.stage().sessions[i];
    if (!seat.open) continue;
    Frame frame{.act = seat.bound ? Frame::Act::break_connection : Frame::Act::end,
                .server = seat.server,
                .session = static_cast<int>(i)};
    script_ += "  at the end: " + to_string(frame) + "\n";
    if (auto fault = step(frame); !fault.empty()) return fault;
  }
  for (const Seat& seat : seats_)
    if (seat.stream && !desk_.wait(seat.stream)) return "a stream outlives its session";
  return waiting_.empty() ? "" : "somebody waits still";
}

std::string Play::run() {
  for (std::size_t left = 8 + random_.below(22); left > 0; --left) {
    const Frame frame = random_.next(model_.stage());
    script_ += "  " + to_string(frame) + "\n";
    if (auto fault = step(frame); !fault.empty()) return fault;
  }
  return end();
}

// A desk, and a client who stays: the same server all the time, that forgets nothing.
class HostileFrames : public testing::Test {
 protected:
  HostileFrames() : desk_(config(), {.requests = kMostRequests}) {
    log::configure(std::getenv("HOLDFAST_FRAMES_LOG") != nullptr ? log::Level::debug : log::Level::error,
                   log::Format::text);
    steady_ = desk_.open("shared");
    pid_ = desk_.call("shared", steady_, "pid");
  }
  static config::Config config() {
    auto shared = hostile_server("shared");
    shared.sharing = config::Sharing::shared;
    shared.max_instances = 1;          // whatever the clients' profiles
    auto own = hostile_server("own");  // it dies by the dozen
    own.restart = {.budget = 1'000'000, .per = 60s, .backoff_min = 0ms, .backoff_max = 1ms};
    return config_of({own, shared});
  }
  // Its fault with all that led to it; empty: none.
  std::string fault_of(std::uint64_t seed, Lie lie = Lie::none) {
    Play play(desk_, seed, lie, tally_);
    std::string fault = play.run();
    if (fault.empty() &&
        !desk_.house.turn_until([] { return living_descendants().size() == 2; }, patience(kGone)))
      fault = "of the sessions there is left\n" + to_string(living_descendants());
    if (fault.empty() && desk_.endpoint->sessions() != 1)
      fault = "sessions that are left: " + std::to_string(desk_.endpoint->sessions() - 1);
    if (fault.empty() && desk_.call("shared", steady_, "pid") != pid_)
      fault = "the client who stays was hurt";
    return fault.empty() ? "" : "seed " + std::to_string(seed) + ": " + fault + "\n" + play.script();
  }

  Desk desk_;
  std::string steady_, pid_;
  Tally tally_;
};

TEST_F(HostileFrames, are_answered_as_the_model_says_and_leave_nothing) {
  const auto first = number_of("HOLDFAST_FRAMES_SEED", 1);
  const auto count = number_of("HOLDFAST_FRAMES_SEQUENCES", 1'000);
  std::printf("seeds %llu to %llu (HOLDFAST_FRAMES_SEED, HOLDFAST_FRAMES_SEQUENCES)\n",
              static_cast<unsigned long long>(first), static_cast<unsigned long long>(first + count - 1));
  for (auto seed = first; seed < first + count; ++seed) {
    const std::string fault = fault_of(seed);
    ASSERT_TRUE(fault.empty()) << fault;
  }
  for (const char* outcome : {"status 200",
                              "status 202",
                              "status 204",
                              "status 400",
                              "status 404",
                              "status 405",
                              "status 406",
                              "status 409",
                              "status 415",
                              "result",
                              "error -32700",
                              "error -32600",
                              "error -32601",
                              "error -32602",
                              "error -32603",
                              "error -32000",
                              "error -32001",
                              "error -32800",
                              "progress",
                              "hung up",
                              "a batch that waited",
                              "a request that waited",
                              "a server that died"}) {
    RecordProperty(outcome, tally_[outcome]);
    EXPECT_TRUE(count < 1'000 || tally_[outcome] >= 20) << outcome << ": " << tally_[outcome];
  }
}

// Negative controls: who believes something else of a session is contradicted within some sequences.
struct NamedLie {
  Lie lie;
  const char* name;
};
constexpr NamedLie kLies[]{{Lie::ids_may_repeat, "ids_may_repeat"},
                           {Lie::cancelled_is_answered, "what_was_cancelled_is_answered"},
                           {Lie::notifications_are_answered, "notifications_are_answered"},
                           {Lie::end_is_no_end, "a_session_goes_on_after_its_end"}};
void PrintTo(const NamedLie& lie, std::ostream* out) { *out << lie.name; }

class WrongModel : public HostileFrames, public testing::WithParamInterface<NamedLie> {};

TEST_P(WrongModel, is_found_out) {
  std::string fault;
  for (std::uint64_t seed = 1; seed <= 100 && fault.empty(); ++seed) fault = fault_of(seed, GetParam().lie);
  RecordProperty("fault", fault.substr(0, fault.find("\n")));
  EXPECT_TRUE(fault.starts_with("seed ")) << "a hundred sequences did not show it";
}
INSTANTIATE_TEST_SUITE_P(That, WrongModel, testing::ValuesIn(kLies),
                         [](const auto& info) { return std::string(kLies[info.index].name); });

}  // namespace
}  // namespace holdfast::test
