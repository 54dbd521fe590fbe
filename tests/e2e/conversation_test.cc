// What servers say to their sessions, and ask of them: real servers, and clients that answer when the test
// says so. What reached a server is what that server says it heard.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include <list>

#include "gateway/consumer.h"
#include "house.h"

namespace holdfast::test {
namespace {

using gateway::CallNumber;
using gateway::SessionKind;
using std::chrono::steady_clock;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A live client. It answers the question before it with `answer()`.
class FakeClient final : public gateway::Consumer {
 public:
  FakeClient(House& house, std::string capabilities, std::string revision = "2025-11-25")
      : profile_{.revision = std::move(revision), .capabilities = std::move(capabilities)},
        state_(std::make_shared<State>(house.loop.get_executor())) {}

  [[nodiscard]] const mcp::ClientProfile& profile() const override { return profile_; }
  void notified(std::string_view server, std::string_view method, std::string_view params,
                CallNumber call) override {
    EXPECT_EQ(server, "s");
    notes.push_back(std::string(method) + " " + std::string(params) + " " + std::to_string(call));
  }
  asio::awaitable<Result<mcp::Reply>> asked(std::string server, std::string method, std::string params,
                                            CallNumber call) override {
    EXPECT_EQ(server, "s");
    questions.push_back(method + " " + params + " " + std::to_string(call));
    return wait(state_);
  }
  void answer(std::string result) {
    state_->reply = mcp::Reply{.result = std::move(result), .error = {}};
    state_->answered.set();
  }
  [[nodiscard]] int withdrawn() const { return state_->withdrawn; }

  std::vector<std::string> notes, questions;

 private:
  struct State {
    explicit State(const asio::any_io_executor& executor) : answered(executor) {}
    Event answered;
    mcp::Reply reply;
    int withdrawn = 0;
  };
  static asio::awaitable<Result<mcp::Reply>> wait(std::shared_ptr<State> state) {
    const bool there = co_await state->answered.wait_until(steady_clock::now() + 20s);
    if (co_await is_cancelled()) ++state->withdrawn;
    if (!there) co_return fail(Errc::timeout, "asked");
    co_return state->reply;
  }
  const mcp::ClientProfile profile_;
  std::shared_ptr<State> state_;
};

const std::string kAll = R"({"sampling":{},"elicitation":{"form":{},"url":{}},"roots":{"listChanged":true}})";
const std::string kAsk = R"({"method":"sampling/createMessage","params":{"n":1}})";

config::Config with(config::Server server) {
  config::Config config;
  config.servers.emplace(server.name, std::move(server));
  return config;
}

class Conversation : public testing::Test {
 protected:
  using Reply = std::optional<Result<mcp::Reply>>;
  struct Client {
    std::shared_ptr<FakeClient> ear;
    std::unique_ptr<gateway::Session> session;
  };
  void open(std::vector<std::string> flags = {}, bool shared = false,
            const std::function<void(config::Server&)>& change = {}) {
    auto server = fixture_server("s", std::move(flags));
    if (shared) server.sharing = config::Sharing::shared;
    if (change) change(server);
    house.emplace(with(std::move(server)));
  }
  void open_shared() { open({}, true); }
  Client client(const std::string& capabilities = kAll, const std::string& revision = "2025-11-25") {
    auto ear = std::make_shared<FakeClient>(*house, capabilities, revision);
    auto session = house->gateway->open_session(SessionKind::client, "c", ear);
    EXPECT_TRUE(house->run(session->connect("s")));
    return {.ear = std::move(ear), .session = std::move(session)};
  }
  static asio::awaitable<Result<mcp::Reply>> request(gateway::Session& session, std::string method,
                                                     std::string params, CallNumber number = 0) {
    co_return co_await session.request("s", method, params, {.progress = {}, .number = number});
  }
  static std::string tool(const std::string& name, const std::string& arguments) {
    return R"({"name":")" + name + R"(","arguments":)" + arguments + "}";
  }
  // The text of a tool's result, or the error.
  std::string call(Client& who, const std::string& name, const std::string& arguments = "{}",
                   CallNumber number = 0) {
    return text_of(house->run(request(*who.session, "tools/call", tool(name, arguments), number)));
  }
  static std::string text_of(const Reply& reply) {
    if (!reply) return "(no answer yet)";
    if (!*reply) return (*reply)->error ? "" : reply->error().message();
    if ((*reply)->error) return (*reply)->error->message;
    const auto all = nlohmann::json::parse((*reply)->result);
    return all.contains("content") ? all["content"][0]["text"].get<std::string>() : all.dump();
  }
  std::string ask(Client& who, const std::string& method, const std::string& params = "{}") {
    return text_of(house->run(request(*who.session, method, params)));
  }
  Reply& begin(Client& who, const std::string& name, const std::string& arguments, CallNumber number = 0) {
    const auto keep = [](asio::awaitable<Result<mcp::Reply>> work, Reply& out) -> asio::awaitable<void> {
      out.emplace(co_await std::move(work));
    };
    calls.emplace_back(std::make_unique<TaskGroup>(house->loop.get_executor()))
        ->spawn("call", keep(request(*who.session, "tools/call", tool(name, arguments), number),
                             replies.emplace_back()));
    return replies.back();
  }
  bool until(const std::function<bool()>& done) { return house->turn_until(done); }
  bool in_flight(int count) {
    return until([&] {
      int calls_now = 0;
      for (const auto& view : house->gateway->instances()) calls_now += view.calls_in_flight;
      return calls_now == count;
    });
  }
  std::list<Reply> replies;  // outlives what fills it
  std::optional<House> house;
  std::vector<std::unique_ptr<TaskGroup>> calls;
};
using Question = Conversation;
using Message = Conversation;
using Change = Conversation;
using Shared = Conversation;

TEST_F(Question, sampling_and_elicitation_and_roots_go_to_the_client_and_the_answer_back_as_it_came) {
  open();
  auto a = client();
  EXPECT_THAT(call(a, "client"), HasSubstr(R"("roots":{"listChanged":true})"));
  for (const std::string method : {"sampling/createMessage", "elicitation/create", "roots/list"}) {
    auto b = client();
    const Reply& reply = begin(b, "ask", R"({"method":")" + method + R"(","params":{"n":0.10}})", 7);
    ASSERT_TRUE(until([&] { return !b.ear->questions.empty(); })) << method;
    EXPECT_EQ(b.ear->questions.front(), method + R"( {"n":0.1} 7)");
    b.ear->answer(R"({"said": "yes"})");
    ASSERT_TRUE(until([&] { return reply.has_value(); }));
    EXPECT_EQ(text_of(reply), R"({"result":{"said":"yes"}})");
  }
  EXPECT_THAT(a.ear->questions, IsEmpty());
}

TEST_F(Question, that_was_not_declared_is_refused_at_once) {
  open();
  auto plain = client("{}");
  EXPECT_THAT(call(plain, "ask", kAsk), HasSubstr("-32601"));
  auto forms = client(R"({"elicitation":{}})");
  EXPECT_THAT(call(forms, "ask", R"({"method":"elicitation/create","params":{"mode":"url"}})"),
              HasSubstr("-32601"));
  EXPECT_THAT(call(forms, "ask", R"({"method":"roots/list"})"), HasSubstr("-32601"));
  EXPECT_THAT(call(forms, "ask", R"({"method":"tools/list"})"), HasSubstr("-32601"));
  EXPECT_THAT(forms.ear->questions, IsEmpty());
  // A run of a job has nobody who could answer.
  Client job{.ear = {}, .session = house->gateway->open_session(SessionKind::job, "j")};
  EXPECT_THAT(call(job, "ask", kAsk), HasSubstr("-32601"));
}

TEST_F(Question, of_a_shared_server_goes_to_the_session_whose_call_is_in_flight_and_to_no_other) {
  open_shared();
  auto a = client(), b = client();
  ASSERT_EQ(house->custodian->totals().started, 1);
  const Reply& reply = begin(b, "ask", kAsk, 3);
  ASSERT_TRUE(until([&] { return !b.ear->questions.empty(); }));
  EXPECT_THAT(b.ear->questions, ElementsAre(R"(sampling/createMessage {"n":1} 3)"));
  EXPECT_THAT(a.ear->questions, IsEmpty());
  a.ear->answer(R"({"from":"a"})");
  b.ear->answer(R"({"from":"b"})");
  ASSERT_TRUE(until([&] { return reply.has_value(); }));
  EXPECT_EQ(text_of(reply), R"({"result":{"from":"b"}})");
  EXPECT_THAT(call(a, "ask", R"({"method":"roots/list"})"), HasSubstr("-32601"))
      << "it is nobody's in particular";
}

TEST_F(Question, of_a_shared_server_that_could_be_anybodys_is_refused) {
  open_shared();
  auto a = client(), b = client();
  begin(a, "sleep", R"({"ms":60000})");
  ASSERT_TRUE(in_flight(1));
  a.ear->answer("{}");
  b.ear->answer("{}");
  EXPECT_THAT(call(b, "ask", kAsk), HasSubstr("it cannot be told which one is meant"));
  EXPECT_THAT(a.ear->questions, IsEmpty());
  EXPECT_THAT(b.ear->questions, IsEmpty());
}

// The server reads the cancellation, and may have asked before.
TEST_F(Question, after_a_call_was_cancelled_is_not_put_to_another_session) {
  open_shared();
  auto a = client(), b = client();
  begin(a, "sleep", R"({"ms":60000})");
  ASSERT_TRUE(in_flight(1));
  calls.clear();
  ASSERT_TRUE(in_flight(0));
  a.ear->answer("{}");
  b.ear->answer("{}");
  EXPECT_THAT(call(b, "ask", kAsk), HasSubstr("-32601"));
  EXPECT_THAT(b.ear->questions, IsEmpty());
}

TEST_F(Question, without_a_call_goes_to_the_only_session_there) {
  open({"--ask-roots"});
  auto a = client();
  ASSERT_TRUE(until([&] { return !a.ear->questions.empty(); }));
  EXPECT_THAT(a.ear->questions, ElementsAre("roots/list  0"));
  a.ear->answer(R"({"roots":[]})");
  EXPECT_EQ(call(a, "echo", R"({"text":"x"})"), "x");
}

TEST_F(Question, pauses_the_call_timeout_and_nothing_else) {
  open({}, false, [](config::Server& server) { server.call_timeout = 400ms; });
  auto a = client();
  const Reply& asking = begin(a, "ask", kAsk);
  ASSERT_TRUE(until([&] { return !a.ear->questions.empty(); }));
  house->turn_for(1s);
  EXPECT_FALSE(asking) << text_of(asking);
  a.ear->answer("{}");
  ASSERT_TRUE(until([&] { return asking.has_value(); }));
  EXPECT_EQ(text_of(asking), R"({"result":{}})");
  EXPECT_THAT(call(a, "sleep", R"({"ms":60000})"), HasSubstr("timed out"));
}

TEST_F(Question, ends_with_its_call_at_the_callers_own_deadline) {
  open({}, false, [](config::Server& server) { server.call_timeout = 300ms; });
  auto a = client();
  const auto bounded = [](gateway::Session& session) -> asio::awaitable<Result<mcp::Reply>> {
    const std::string params = tool("ask", kAsk);
    co_return co_await session.request("s", "tools/call", params,
                                       {.deadline = steady_clock::now() + 600ms, .progress = {}});
  };
  const auto reply = house->run(bounded(*a.session));
  ASSERT_FALSE(reply);
  EXPECT_TRUE(reply.error().is(Errc::timeout));
  EXPECT_TRUE(until([&] { return a.ear->withdrawn() == 1; }));
  EXPECT_THAT(call(a, "heard"), HasSubstr("the call that it belongs to has ended"));
}

TEST_F(Question, that_the_server_takes_back_is_withdrawn_from_the_client) {
  open();
  auto a = client();
  EXPECT_EQ(call(a, "ask", R"({"method":"roots/list","take_back":100})"), "taken back");
  EXPECT_EQ(a.ear->questions.size(), 1U);
  EXPECT_TRUE(until([&] { return a.ear->withdrawn() == 1; }));
}

TEST_F(Question, to_a_client_that_goes_away_is_answered_with_an_error) {
  open_shared();
  auto a = client(), b = client();
  const Reply& asking = begin(a, "ask", kAsk);
  ASSERT_TRUE(until([&] { return !a.ear->questions.empty(); }));
  a.session.reset();
  a.ear.reset();
  ASSERT_TRUE(until([&] { return asking.has_value(); }));
  EXPECT_THAT(call(b, "heard"), HasSubstr("the client is gone"));
  EXPECT_THAT(b.ear->questions, IsEmpty());
}

// The fixture waits for its answer beyond its end-of-file, as servers do.
TEST_F(Question, that_is_open_does_not_hold_up_the_end_of_its_server) {
  open({}, false, [](config::Server& server) { server.stop = {.eof = 20s, .term = 20s, .lost = 20s}; });
  auto a = client();
  EXPECT_EQ(call(a, "ask", R"({"method":"roots/list","at_once":true})"), "asked");
  ASSERT_TRUE(until([&] { return !a.ear->questions.empty(); }));
  const auto before = steady_clock::now();
  a.session.reset();
  EXPECT_TRUE(until([] { return living_descendants().empty(); })) << to_string(living_descendants());
  EXPECT_LT(steady_clock::now() - before, 5s);
  EXPECT_EQ(a.ear->withdrawn(), 1);
}

TEST_F(Question, holds_no_server_that_nobody_uses) {
  open({}, true, [](config::Server& server) { server.idle_timeout = 200ms; });
  auto a = client();
  EXPECT_EQ(call(a, "ask", R"({"method":"sampling/createMessage","at_once":true})"), "asked");
  ASSERT_TRUE(until([&] { return !a.ear->questions.empty(); }));
  EXPECT_TRUE(house->turn_until([] { return living_descendants().empty(); }, 5s));
  EXPECT_EQ(a.ear->withdrawn(), 1);
}

// A call in flight is use, and so is the question that it waits for: also where `stop` takes the lease back.
TEST_F(Question, of_a_call_on_a_server_that_is_drained_is_answered_still) {
  open_shared();
  auto a = client();
  const Reply& asking = begin(a, "ask", kAsk);
  ASSERT_TRUE(until([&] { return !a.ear->questions.empty(); }));
  const auto stop = [](gateway::Gateway& gateway) -> asio::awaitable<void> {
    (void)co_await gateway.stop_server("s", {.reason = "test"});
  };
  calls.emplace_back(std::make_unique<TaskGroup>(house->loop.get_executor()))
      ->spawn("stop", stop(*house->gateway));
  house->turn_for(100ms);
  EXPECT_TRUE(house->gateway->instances().at(0).leases.empty());
  EXPECT_EQ(a.ear->withdrawn(), 0);
  a.ear->answer(R"({"late":1})");
  ASSERT_TRUE(until([&] { return asking.has_value(); }));
  EXPECT_EQ(text_of(asking), R"({"result":{"late":1}})");
}

const std::string kLog = R"({"method":"notifications/message","params":{"level":"info","data":1}})";

TEST_F(Message, of_the_log_goes_to_the_call_in_flight) {
  open_shared();
  auto a = client(), b = client();
  EXPECT_EQ(call(a, "say", kLog, 5), "said");
  EXPECT_THAT(a.ear->notes, ElementsAre(R"(notifications/message {"data":1,"level":"info"} 5)"));
  EXPECT_THAT(b.ear->notes, IsEmpty());
}

TEST_F(Message, of_a_shared_server_that_could_be_anybodys_reaches_nobody) {
  open_shared();
  auto a = client(), b = client();
  begin(a, "sleep", R"({"ms":60000})");
  ASSERT_TRUE(in_flight(1));
  EXPECT_EQ(call(b, "say", kLog), "said");
  EXPECT_THAT(a.ear->notes, IsEmpty());
  EXPECT_THAT(b.ear->notes, IsEmpty());
}

TEST_F(Message, that_we_do_not_know_goes_to_a_session_that_is_alone_with_its_server) {
  const std::string complete =
      R"({"method":"notifications/elicitation/complete","params":{"elicitationId":"x"}})";
  open_shared();
  auto a = client();
  EXPECT_EQ(call(a, "say", complete), "said");
  EXPECT_EQ(a.ear->notes.size(), 1U);
  auto b = client();
  EXPECT_EQ(call(a, "say", complete), "said");
  EXPECT_EQ(a.ear->notes.size(), 1U);
  EXPECT_THAT(b.ear->notes, IsEmpty());
}

TEST_F(Change, of_a_list_reaches_every_session_and_a_burst_once) {
  open_shared();
  auto a = client(), b = client();
  const auto burst = [](const std::string& kind) {
    return R"({"method":"notifications/)" + kind + R"(/list_changed","times":500})";
  };
  EXPECT_EQ(call(a, "say", burst("tools")), "said");
  EXPECT_EQ(call(a, "say", burst("prompts")), "said");
  const auto told = [&] { return a.ear->notes.size() >= 2 && b.ear->notes.size() >= 2; };
  EXPECT_TRUE(until(told));
  house->turn_for(300ms);
  for (const auto* each : {&a, &b}) {
    EXPECT_THAT(each->ear->notes, testing::Contains("notifications/tools/list_changed  0"));
    EXPECT_THAT(each->ear->notes, testing::Contains("notifications/prompts/list_changed  0"));
    EXPECT_LT(each->ear->notes.size(), 6U);
  }
  const std::size_t before = b.ear->notes.size();
  EXPECT_EQ(call(a, "say", R"({"method":"notifications/tools/list_changed"})"), "said");
  EXPECT_TRUE(until([&] { return b.ear->notes.size() == before + 1; })) << "the last one is never lost";
}

TEST_F(Change, of_a_resource_reaches_who_subscribed_and_only_first_and_last_cross) {
  open_shared();
  auto a = client(), b = client(), c = client();
  (void)call(c, "heard");
  const std::string uri = R"({"uri":"test://x"})";
  const std::string update = R"({"method":"notifications/resources/updated","params":{"uri":"test://x"}})";
  EXPECT_EQ(ask(a, "resources/subscribe", uri), "{}");
  EXPECT_EQ(ask(b, "resources/subscribe", uri), "{}");
  EXPECT_EQ(call(c, "say", update), "said");
  EXPECT_THAT(a.ear->notes, ElementsAre(R"(notifications/resources/updated {"uri":"test://x"} 0)"));
  EXPECT_EQ(b.ear->notes.size(), 1U);
  EXPECT_THAT(c.ear->notes, IsEmpty());
  EXPECT_EQ(ask(a, "resources/unsubscribe", uri), "{}");
  EXPECT_EQ(call(c, "say", update), "said");
  EXPECT_EQ(a.ear->notes.size(), 1U);
  EXPECT_EQ(b.ear->notes.size(), 2U);
  EXPECT_EQ(call(c, "heard"), R"(["resources/subscribe {\"uri\":\"test://x\"}"])");
  b.session.reset();  // and with it its subscription
  std::string heard;
  EXPECT_TRUE(until([&] { return !(heard = call(c, "heard")).starts_with("[]"); }));
  EXPECT_EQ(heard, R"(["resources/unsubscribe {\"uri\":\"test://x\"}"])");
}

TEST_F(Shared, the_log_is_as_verbose_as_the_most_verbose_of_all) {
  open_shared();
  auto a = client(), b = client(), c = client();
  (void)call(c, "heard");
  const auto level = [](const std::string& name) { return R"({"level":")" + name + "\"}"; };
  EXPECT_EQ(ask(a, "logging/setLevel", level("info")), "{}");
  EXPECT_EQ(ask(b, "logging/setLevel", level("error")), "{}");
  EXPECT_EQ(call(c, "heard"), R"(["logging/setLevel {\"level\":\"info\"}"])");
  EXPECT_EQ(ask(b, "logging/setLevel", level("debug")), "{}");
  EXPECT_EQ(call(c, "heard"), R"(["logging/setLevel {\"level\":\"debug\"}"])");
  b.session.reset();
  std::string heard;
  EXPECT_TRUE(until([&] { return !(heard = call(c, "heard")).starts_with("[]"); }));
  EXPECT_EQ(heard, R"(["logging/setLevel {\"level\":\"info\"}"])");
}

TEST_F(Shared, sessions_with_different_profiles_have_processes_of_their_own) {
  open_shared();
  auto plain = client("{}"), roots = client(R"({"roots":{}})"), sampling = client(R"({"sampling":{}})"),
       same = client(R"({ "sampling" : { } , "roots":{}})"), old = client("{}", "2025-06-18");
  Client job{.ear = {}, .session = house->gateway->open_session(SessionKind::job, "j")};
  const auto pid = [&](Client& who) { return call(who, "pid"); };
  EXPECT_EQ(pid(plain), pid(roots)) << "no one's roots are told to a shared process";
  EXPECT_EQ(pid(plain), pid(job));
  EXPECT_EQ(pid(sampling), pid(same));
  EXPECT_NE(pid(plain), pid(sampling));
  EXPECT_NE(pid(plain), pid(old));
  std::vector<std::string> keys;
  for (const auto& view : house->gateway->instances()) keys.push_back(view.key);
  EXPECT_THAT(keys, ElementsAre("", testing::StartsWith("~"), testing::StartsWith("~")));
  EXPECT_THAT(call(old, "client"), HasSubstr(R"("protocolVersion":"2025-06-18")"));
}

TEST_F(Shared, a_server_that_must_exist_once_is_shared_by_all_and_knows_nobodys_profile) {
  open({}, true, [](config::Server& server) { server.max_instances = 1; });
  auto a = client(R"({"sampling":{}})"), b = client("{}", "2025-06-18");
  EXPECT_EQ(call(a, "pid"), call(b, "pid"));
  EXPECT_THAT(call(a, "ask", kAsk), HasSubstr("-32601"));
}

TEST_F(Shared, a_change_of_roots_is_told_to_a_server_that_knows_them_only) {
  for (const bool shared : {false, true}) {
    open({}, shared);
    auto a = client();
    EXPECT_TRUE(a.session->notify("s", "notifications/roots/list_changed", ""));
    const std::string heard = call(a, "heard");
    EXPECT_EQ(heard.find("roots/list_changed") == std::string::npos, shared) << heard;
    a.session.reset();
    calls.clear();
    house.reset();
  }
}

}  // namespace
}  // namespace holdfast::test
