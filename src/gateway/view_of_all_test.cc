#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/test_support.h"
#include "gateway/fakes.h"
#include "gateway/names.h"
#include "gateway/view.h"

namespace holdfast::gateway {
namespace {

using namespace testing_tools;
using namespace std::chrono_literals;
using json = nlohmann::json;
using test::wait_for;

struct ViewOfAll : testing::Test {
  asio::io_context loop;
  FakeGateway gateway;
  std::shared_ptr<FakeClient> client = std::make_shared<FakeClient>();
  AllOptions options{.patience = 5s};
  std::unique_ptr<View> view;

  void SetUp() override {
    gateway["a"].answer = answers({{"tools/list", R"({"tools":[{"name":"one"},{"name":"two"}]})"},
                                   {"tools/call", R"({"content":[]})"}});
    gateway["b"].answer = answers({{"tools/list", R"({"tools":[{"name":"three"}]})"}});
  }
  void open() { view = view_of_all(gateway, "chat", client, options); }
  Result<mcp::Reply> ask(std::string_view method, std::string_view params = {}) {
    if (!view) open();
    return wait_for(loop, view->request(method, params, {}));
  }
  json answer(std::string_view method, std::string_view params = {}) {
    const auto reply = ask(method, params);
    if (!reply) return "failed: " + reply.error().message();
    if (reply->error) return std::to_string(reply->error->code) + " " + reply->error->message;
    return json::parse(reply->result);
  }
  std::vector<std::string> names(std::string_view member = "tools", std::string_view method = "tools/list") {
    std::vector<std::string> all;
    const auto page = answer(method);
    if (!page.contains(member)) return {page.dump()};
    for (const auto& item : page[std::string(member)])
      all.push_back(item.value("name", item.value("uri", "?")));
    return all;
  }
  void settle() {
    loop.restart();
    while (loop.poll_one() > 0) {
    }
  }
  // Whatever of a method the server heard.
  std::vector<std::string> heard(const std::string& server, const std::string& method) {
    std::vector<std::string> all;
    for (const auto& [one, params] : gateway[server].heard)
      if (one == method) all.push_back(params);
    return all;
  }
  std::vector<std::string> told(const std::string& method) {
    std::vector<std::string> all;
    for (const auto& each : client->heard)
      if (each.find(method) != each.npos) all.push_back(each);
    return all;
  }
};
using Names = std::vector<std::string>;

TEST_F(ViewOfAll, initialize_starts_nothing) {
  open();
  const auto hello = wait_for(loop, view->hello());
  ASSERT_TRUE(hello);
  const auto capabilities = json::parse(hello->capabilities);
  for (const char* each : {"tools", "prompts", "resources"})
    EXPECT_TRUE(capabilities[each]["listChanged"]) << each;
  EXPECT_TRUE(capabilities.contains("logging") && capabilities.contains("completions"));
  EXPECT_FALSE(capabilities.contains("tasks"));
  EXPECT_EQ(json::parse(hello->server_info)["name"], "holdfast");
  EXPECT_EQ(gateway["a"].connects + gateway["b"].connects, 0);
}

TEST_F(ViewOfAll, all_servers_are_listed_under_names_of_their_own) {
  EXPECT_EQ(names(), (Names{"a__one", "a__two", "b__three"}));
}

TEST_F(ViewOfAll, one_that_fails_is_named_and_hides_nobody) {
  gateway["b"].failure = "b: ended before it answered (exit 1)";
  const auto page = answer("tools/list");
  EXPECT_EQ(page["tools"].size(), 2U);
  EXPECT_EQ(page["_meta"]["holdfast/unavailable"]["b"], "b: ended before it answered (exit 1)");
  EXPECT_FALSE(page["_meta"]["holdfast/unavailable"].contains("a"));
}

TEST_F(ViewOfAll, one_that_is_slow_is_waited_for_no_longer_than_said_and_told_when_it_comes) {
  options.patience = 50ms;
  gateway["b"].gate = std::make_shared<Event>(loop.get_executor());
  const auto page = answer("tools/list");
  EXPECT_EQ(page["tools"].size(), 2U);
  EXPECT_EQ(page["_meta"]["holdfast/unavailable"]["b"], "it has not answered yet");
  const auto before = steady_clock::now();
  EXPECT_EQ(names().size(), 2U);
  EXPECT_LT(steady_clock::now() - before, 40ms) << "its time was over before";
  EXPECT_TRUE(told("list_changed").empty());
  gateway["b"].gate->set();
  settle();
  EXPECT_EQ(told("tools/list_changed").size(), 1U);
  EXPECT_EQ(names(), (Names{"a__one", "a__two", "b__three"}));
}

TEST_F(ViewOfAll, one_that_dies_of_the_question_is_not_asked_the_next_one) {
  gateway["b"].capabilities = R"({"tools":{},"prompts":{},"resources":{}})";
  gateway["b"].answer = [](const std::string&, const std::string&) -> Result<mcp::Reply> {
    return fail(Errc::closed, "", "b: died of signal 6");
  };
  EXPECT_EQ(answer("tools/list")["_meta"]["holdfast/unavailable"]["b"], "b: died of signal 6");
  EXPECT_EQ(gateway["b"].heard.size(), 1U);
}

TEST_F(ViewOfAll, what_is_long_and_hostile_costs_little) {
  const std::string name(200'000, '_');
  gateway["b"].capabilities = R"({"resources":{}})";
  gateway["b"].answer = answers({{"resources/templates/list", R"({"resourceTemplates":[{"uriTemplate":"{a})" +
                                                                  std::string(200'000, 'x') + R"(y"}]})"}});
  const auto before = steady_clock::now();
  EXPECT_EQ(answer("tools/call", R"({"name":")" + name + R"("})"), "-32602 Unknown tool: " + name);
  (void)answer("resources/read", R"({"uri":"z:)" + std::string(200'000, 'x') + R"("})");
  EXPECT_LT(steady_clock::now() - before, 3s);
}

TEST_F(ViewOfAll, one_that_backs_off_is_not_waited_for) {
  gateway["b"].gate = std::make_shared<Event>(loop.get_executor());
  gateway["b"].state = "backoff", gateway["b"].failure = "exit 1";
  const auto before = steady_clock::now();
  EXPECT_EQ(answer("tools/list")["_meta"]["holdfast/unavailable"]["b"], "exit 1");
  EXPECT_LT(steady_clock::now() - before, 2s);
}

TEST_F(ViewOfAll, one_that_is_disabled_is_not_there_and_one_unusable_says_why) {
  gateway["a"].state = "disabled";
  gateway["b"].state = "unusable", gateway["b"].failure = "${TOKEN} is not set";
  const auto page = answer("tools/list");
  EXPECT_TRUE(page["tools"].empty());
  EXPECT_EQ(page["_meta"]["holdfast/unavailable"].dump(), R"({"b":"${TOKEN} is not set"})");
  EXPECT_EQ(gateway["a"].connects + gateway["b"].connects, 0);
}

TEST_F(ViewOfAll, who_lacks_a_capability_is_not_asked_and_one_that_knows_no_such_method_has_none) {
  gateway["b"].capabilities = R"({"prompts":{}})";
  EXPECT_TRUE(names("prompts", "prompts/list").empty());
  EXPECT_EQ(heard("b", "prompts/list").size(), 1U);
  EXPECT_TRUE(heard("a", "prompts/list").empty());
  EXPECT_TRUE(heard("b", "tools/list").empty());
  EXPECT_FALSE(answer("prompts/list").contains("_meta")) << "none is an answer";
}

TEST_F(ViewOfAll, the_pages_of_a_server_are_drained_but_not_for_ever) {
  gateway["b"].answer = [](const std::string&, const std::string& params) -> Result<mcp::Reply> {
    if (params.empty()) return result(R"({"tools":[{"name":"p1"}],"nextCursor":"\u0032"})");
    if (params == R"({"cursor":"\u0032"})") return result(R"({"tools":[{"name":"p2"}]})");
    return refused(-32602, "what cursor?");
  };
  EXPECT_EQ(names(), (Names{"a__one", "a__two", "b__p1", "b__p2"}));
  gateway["c"].answer = answers({{"tools/list", R"({"tools":[{"name":"x"}],"nextCursor":"same"})"}});
  const auto page = answer("tools/list");
  EXPECT_EQ(page["tools"].size(), 4U);
  EXPECT_NE(page["_meta"]["holdfast/unavailable"]["c"].get<std::string>().find("repeats"), std::string::npos);
}

TEST_F(ViewOfAll, a_cursor_of_its_own_leads_on_and_another_is_refused) {
  options.page.items = 2;
  const auto first = answer("tools/list");
  EXPECT_EQ(first["tools"].size(), 2U);
  const auto second = answer("tools/list", json{{"cursor", first["nextCursor"]}}.dump());
  EXPECT_EQ(second["tools"][0]["name"], "b__three");
  EXPECT_FALSE(second.contains("nextCursor"));
  EXPECT_EQ(answer("tools/list", R"({"cursor":"mine"})"), "-32602 Unknown cursor");
}

TEST_F(ViewOfAll, a_call_needs_no_list_and_only_the_name_in_it_changes) {
  const std::string params =
      R"({ "arguments":{"name":"a__one","n":1e400} , "name" : "a__o\u006ee","_meta":{"k/x":[1.0]}})";
  EXPECT_TRUE(ask("tools/call", params));
  EXPECT_EQ(heard("a", "tools/call"),
            (Names{R"({ "arguments":{"name":"a__one","n":1e400} , "name" : "one","_meta":{"k/x":[1.0]}})"}));
  EXPECT_EQ(gateway["b"].connects, 0);
}

TEST_F(ViewOfAll, what_no_listing_shows_goes_to_its_server_as_it_is) {
  (void)ask("tools/call", R"({"name":"a__x__y"})");
  EXPECT_EQ(heard("a", "tools/call"), (Names{R"({"name":"x__y"})"}));
}

TEST_F(ViewOfAll, a_hashed_name_finds_its_tool_without_a_list_before) {
  const std::string tool = "dotted.name/" + std::string(80, 'x');
  gateway["b"].answer =
      answers({{"tools/list", R"({"tools":[{"name":")" + tool + R"("}]})"}, {"tools/call", "{}"}});
  const auto shown = names().back();
  EXPECT_LE(shown.size(), 64U);
  view = nullptr;  // and a client that comes with what it knows from before
  gateway.remembered = std::make_shared<Catalog>();
  (void)ask("tools/call", R"({"name":")" + shown + R"("})");
  EXPECT_EQ(heard("b", "tools/call"), (Names{R"({"name":")" + tool + R"("})"}));
}

TEST_F(ViewOfAll, what_is_unknown_is_said_with_what_is_near) {
  EXPECT_EQ(answer("tools/call", R"({"name":"nothing"})"), "-32602 Unknown tool: nothing");
  (void)names();
  EXPECT_EQ(answer("tools/call", R"({"name":"a_one"})"), "-32602 Unknown tool: a_one; did you mean a__one?");
  for (const char* bad : {"{}", R"({"name":7})", R"({"name":"a__one","name":"b__three"})", "[]", ""})
    EXPECT_EQ(answer("tools/call", bad), "-32602 params.name: one string is expected") << bad;
  EXPECT_EQ(answer("prompts/get", R"({"name":"x"})"), "-32602 Unknown prompt: x");
}

TEST_F(ViewOfAll, a_call_to_one_that_fails_tells_the_cause) {
  gateway["b"].failure = "b: no such program";
  EXPECT_EQ(answer("tools/call", R"({"name":"b__three"})"), "failed: b: no such program");
}

TEST_F(ViewOfAll, a_prompt_goes_back_under_its_own_name) {
  gateway["b"].capabilities = R"({"prompts":{},"completions":{}})";
  gateway["b"].answer = answers({{"prompts/list", R"({"prompts":[{"name":"greet"}]})"},
                                 {"prompts/get", "{}"},
                                 {"completion/complete", "{}"}});
  EXPECT_EQ(names("prompts", "prompts/list"), (Names{"b__greet"}));
  (void)ask("prompts/get", R"({"name":"b__greet","arguments":{"a":"b"}})");
  EXPECT_EQ(heard("b", "prompts/get"), (Names{R"({"name":"greet","arguments":{"a":"b"}})"}));
  (void)ask("completion/complete",
            R"({"argument":{"name":"x"},"ref":{"type":"ref/prompt", "name":"b__greet"},"z":1.0})");
  EXPECT_EQ(heard("b", "completion/complete"),
            (Names{R"({"argument":{"name":"x"},"ref":{"type":"ref/prompt", "name":"greet"},"z":1.0})"}));
  EXPECT_EQ(answer("completion/complete", R"({"ref":{"type":"ref/else"}})"),
            "-32602 params.ref: ref/prompt or ref/resource is expected");
}

struct Resources : ViewOfAll {
  static auto reads(std::string list, std::string templates, std::string text) {
    return [=](const std::string& method, const std::string& params) -> Result<mcp::Reply> {
      if (method == "resources/list") return result("{\"resources\":" + list + "}");
      if (method == "resources/templates/list") return result("{\"resourceTemplates\":" + templates + "}");
      if (params.find("missing") != params.npos) return refused(-32002, "Resource not found");
      return result("{\"by\":\"" + text + "\"}");
    };
  }
  void SetUp() override {
    for (const char* each : {"a", "b", "c"})
      gateway[each].capabilities = R"({"resources":{"subscribe":true}})";
    gateway["a"].answer = reads(R"([{"uri":"x://1","name":"1"}])", "[]", "a");
    gateway["b"].answer = reads(R"([{"uri":"x://1","name":"1"},{"uri":"x://2","name":"2"}])",
                                R"([{"uriTemplate":"t://{id}/data","name":"t"}])", "b");
    gateway["c"].answer = reads(R"([{"uri":"y://1","name":"1"}])", "[]", "c");
  }
  std::string reader(const std::string& uri) {
    return answer("resources/read", json{{"uri", uri}}.dump()).value("by", "nobody");
  }
};

TEST_F(Resources, are_read_from_whom_lists_them_or_their_template_or_their_scheme) {
  EXPECT_EQ(reader("x://2"), "b");
  EXPECT_EQ(reader("x://1"), "a") << "of two the first";
  EXPECT_EQ(reader("t://7/data"), "b");
  EXPECT_EQ(reader("y://unlisted"), "c");
  EXPECT_EQ(heard("a", "resources/read").size(), 1U);
}

TEST_F(Resources, that_nobody_knows_are_asked_for_in_order) {
  EXPECT_EQ(reader("z://1"), "a");
  EXPECT_EQ(answer("resources/read", R"({"uri":"z://missing"})"), "-32002 Resource not found");
  EXPECT_EQ(heard("c", "resources/read").size(), 1U);
  EXPECT_EQ(answer("resources/read", R"({"uri":7})"), "-32602 params.uri: one string is expected");
}

TEST_F(Resources, are_unsubscribed_where_they_were_subscribed) {
  EXPECT_TRUE(ask("resources/subscribe", R"({"uri":"x://2"})"));
  gateway["b"].answer = reads("[]", "[]", "b");
  gateway.say("b", "notifications/resources/list_changed");
  settle();
  EXPECT_TRUE(ask("resources/unsubscribe", R"({"uri":"x://2"})"));
  EXPECT_EQ(heard("b", "resources/subscribe").size(), 1U);
  EXPECT_EQ(heard("b", "resources/unsubscribe").size(), 1U);
}

TEST_F(Resources, list_changed_of_both_lists_is_told_once) {
  (void)answer("resources/list");
  (void)answer("resources/templates/list");
  gateway["c"].answer = reads("[]", R"([{"uriTemplate":"q://{x}","name":"q"}])", "c");
  gateway.say("c", "notifications/resources/list_changed");
  settle();
  EXPECT_EQ(told("resources/list_changed").size(), 1U);
}

TEST_F(ViewOfAll, what_servers_say_reaches_the_client_as_it_is) {
  open();
  (void)names();
  gateway.say("a", "notifications/message", R"({"level":"info","data":1e400})");
  gateway.say("a", "notifications/resources/updated", R"({"uri":"x://1"})");
  EXPECT_EQ(client->heard, (Names{R"(a notifications/message {"level":"info","data":1e400})",
                                  R"(a notifications/resources/updated {"uri":"x://1"})"}));
  const auto inner = gateway.consumer.lock();
  ASSERT_TRUE(inner);
  EXPECT_EQ(wait_for(loop, inner->asked("a", "roots/list", "", 0))->result, R"("roots/list")");
  client = nullptr;
  EXPECT_FALSE(wait_for(loop, inner->asked("a", "roots/list", "", 0)));
}

TEST_F(ViewOfAll, list_changed_is_told_once_the_new_list_is_known_and_only_if_it_is_new) {
  (void)names();
  gateway.say("a", "notifications/tools/list_changed");
  settle();
  EXPECT_EQ(heard("a", "tools/list").size(), 2U);
  EXPECT_TRUE(client->heard.empty()) << "nothing changed";
  gateway["a"].answer = answers({{"tools/list", R"({"tools":[{"name":"new"}]})"}});
  gateway.say("a", "notifications/tools/list_changed");
  EXPECT_TRUE(client->heard.empty()) << "who asks now gets the old one";
  settle();
  EXPECT_EQ(told("tools/list_changed").size(), 1U);
  EXPECT_EQ(names(), (Names{"a__new", "b__three"}));
}

TEST_F(ViewOfAll, a_storm_of_list_changed_costs_one_more_list_than_is_under_way) {
  (void)names();
  for (int i = 0; i < 1000; ++i) gateway.say("a", "notifications/tools/list_changed");
  settle();
  EXPECT_LE(heard("a", "tools/list").size(), 3U);
}

TEST_F(ViewOfAll, the_log_level_reaches_those_who_are_there_and_those_who_come) {
  gateway["a"].capabilities = gateway["b"].capabilities = R"({"tools":{},"logging":{}})";
  gateway["c"].capabilities = R"({"tools":{}})";
  (void)ask("tools/call", R"({"name":"a__one"})");
  EXPECT_EQ(answer("logging/setLevel", R"({"level":"warning"})"), json::object());
  settle();
  EXPECT_EQ(heard("a", "logging/setLevel"), (Names{R"({"level":"warning"})"}));
  EXPECT_TRUE(heard("b", "logging/setLevel").empty());
  (void)ask("tools/call", R"({"name":"b__three"})");
  (void)ask("tools/call", R"({"name":"c__x"})");
  EXPECT_EQ(gateway["b"].heard.at(0).first, "logging/setLevel") << "before anything else";
  EXPECT_TRUE(heard("c", "logging/setLevel").empty());
  EXPECT_EQ(answer("logging/setLevel", R"({"level":"loud"})"), "-32602 params.level: no such level");
}

TEST_F(ViewOfAll, what_it_does_not_know_it_refuses) {
  EXPECT_EQ(answer("tasks/list"), "-32601 Method not found: tasks/list");
  EXPECT_EQ(answer("x/y"), "-32601 Method not found: x/y");
  EXPECT_EQ(answer("ping"), json::object());
}

TEST_F(ViewOfAll, a_remembered_listing_is_answered_without_a_start) {
  test::TempDir temp;
  gateway["a"].instructions = "Read first.";
  gateway.remembered = std::make_shared<Catalog>(temp.path());
  const auto before = ask("tools/list")->result;
  view = nullptr;
  ASSERT_TRUE(wait_for(loop, gateway.remembered->settled()));
  gateway.remembered = std::make_shared<Catalog>(temp.path());  // another life
  const int connects = gateway["a"].connects + gateway["b"].connects;
  open();
  EXPECT_NE(wait_for(loop, view->hello())->instructions.find("a: Read first."), std::string::npos);
  EXPECT_EQ(ask("tools/list")->result, before);
  EXPECT_TRUE(names("prompts", "prompts/list").empty());
  EXPECT_EQ(gateway["a"].connects + gateway["b"].connects, connects);
}

TEST_F(ViewOfAll, a_start_that_lists_something_else_than_was_remembered_is_told) {
  (void)names();
  open();  // another session, which is told what is remembered
  (void)names();
  gateway["a"].answer = answers({{"tools/list", R"({"tools":[{"name":"upgraded"}]})"}, {"tools/call", "{}"}});
  (void)ask("tools/call", R"({"name":"a__one"})");
  settle();
  EXPECT_EQ(told("tools/list_changed").size(), 1U);
  EXPECT_EQ(names(), (Names{"a__upgraded", "b__three"}));
}

// Two sessions with a copy each: what one's can do is not what the other's can.
TEST_F(ViewOfAll, what_another_sessions_copy_lists_is_not_taken_for_ones_own) {
  (void)names();
  const auto mine = std::move(view);
  gateway["a"].answer = answers({{"tools/list", R"({"tools":[{"name":"other"}]})"}, {"tools/call", "{}"}});
  open();
  (void)ask("tools/call", R"({"name":"a__one"})");
  settle();
  view = nullptr;
  const auto reply = wait_for(loop, mine->request("tools/list", {}, {}));
  EXPECT_NE(reply->result.find("a__one"), std::string::npos);
  EXPECT_TRUE(told("list_changed").empty());
}

TEST_F(ViewOfAll, another_entry_of_the_name_is_another_server) {
  (void)names();
  gateway["a"].entry = 2;
  gateway["a"].answer = answers({{"tools/list", R"({"tools":[{"name":"changed"}]})"}});
  gateway.remembered->servers_changed();
  EXPECT_EQ(told("tools/list_changed").size(), 1U);
  EXPECT_EQ(names(), (Names{"a__changed", "b__three"}));
  gateway.fakes->erase("a");
  EXPECT_EQ(names(), (Names{"b__three"}));
}

TEST_F(ViewOfAll, roots_that_changed_are_told_to_those_who_are_there) {
  (void)ask("tools/call", R"({"name":"a__one"})");
  EXPECT_TRUE(view->notify("notifications/roots/list_changed", "{}"));
  EXPECT_TRUE(view->notify("notifications/else", "{}"));
  EXPECT_EQ(gateway["a"].notified, (Names{"notifications/roots/list_changed"}));
  EXPECT_TRUE(gateway["b"].notified.empty());
}

TEST_F(ViewOfAll, may_end_while_servers_are_still_awaited) {
  gateway["b"].gate = std::make_shared<Event>(loop.get_executor());
  options.patience = 10ms;
  (void)names();
  view = nullptr;
  settle();
  EXPECT_TRUE(gateway.consumer.expired()) << "somebody keeps what has ended";
}

TEST_F(ViewOfAll, there_is_none_of_a_gateway_that_closed) {
  gateway.closed = true;
  open();
  EXPECT_EQ(view, nullptr);
}

// What is not permitted is not there: not in a list, not under its name, not as a hint, nor in what is said
// of servers that failed.
TEST_F(ViewOfAll, rights_hide_servers_and_tools) {
  gateway["c"].failure = "c: cannot be started";
  gateway["b"].instructions = "secret of b";
  options.rights.tools = {"a__o*"};
  EXPECT_EQ(names(), (Names{"a__one"}));
  EXPECT_FALSE(answer("tools/list").contains("_meta"));
  EXPECT_EQ(wait_for(loop, view->hello())->instructions.find("secret"), std::string::npos);
  EXPECT_TRUE(answer("tools/call", R"({"name":"a__one"})").contains("content"));
  for (const std::string name : {"a__two", "a__tw", "b__three", "b__thre", "c__x", "nobody__x"}) {
    const std::string said = answer("tools/call", R"({"name":")" + name + R"("})");
    EXPECT_TRUE(said.starts_with("-32602 Unknown tool: " + name)) << said;
    EXPECT_EQ(said.find("mean a__two"), said.npos) << said;
    EXPECT_EQ(said.find("mean b__"), said.npos) << said;
  }
  const std::string twofold = answer("tools/call", R"({"name":"a__one","Name":"two"})");
  EXPECT_TRUE(twofold.starts_with("-32602 Unknown tool:")) << twofold << ": some take the other one";
  EXPECT_EQ(heard("a", "tools/call").size(), 1U);
  EXPECT_EQ(gateway["b"].connects + gateway["c"].connects, 0);
}

TEST_F(ViewOfAll, rights_hold_for_prompts_and_resources_by_server) {
  for (const char* name : {"a", "b"}) {
    gateway[name].capabilities = R"({"tools":{},"prompts":{},"resources":{}})";
    gateway[name].answer =
        answers({{"prompts/list", R"({"prompts":[{"name":"p"}]})"},
                 {"prompts/get", R"({"messages":[]})"},
                 {"resources/list", std::string(R"({"resources":[{"uri":"x:)") + name + R"(","name":"r"}]})"},
                 {"resources/templates/list", std::string(R"({"resourceTemplates":[{"uriTemplate":"t)") +
                                                  name + R"(:{id}","name":"t"}]})"},
                 {"resources/read", R"({"contents":[]})"},
                 {"resources/subscribe", "{}"},
                 {"completion/complete", R"({"completion":{"values":[]}})"}});
  }
  options.rights.tools = {"a__none_of_its_tools"};
  EXPECT_EQ(names("prompts", "prompts/list"), (Names{"a__p"}));
  EXPECT_TRUE(answer("prompts/get", R"({"name":"a__p"})").contains("messages"));
  const std::string unknown = "-32602 Unknown prompt: b__p; did you mean a__p?";
  EXPECT_EQ(answer("prompts/get", R"({"name":"b__p"})"), unknown);
  EXPECT_EQ(answer("resources/list")["resources"].size(), 1U);
  EXPECT_TRUE(answer("resources/read", R"({"uri":"x:a"})").contains("contents"));
  EXPECT_EQ(answer("resources/templates/list")["resourceTemplates"].size(), 1U);
  for (const char* uri : {"x:b", "tb:7"})
    for (const char* method : {"resources/read", "resources/subscribe", "resources/unsubscribe"})
      (void)answer(method, json{{"uri", uri}}.dump());
  (void)answer("completion/complete", R"({"ref":{"type":"ref/resource","uri":"tb:{id}"},"argument":{}})");
  const auto completed = [&](const std::string& prompt) {
    return answer("completion/complete",
                  R"({"ref":{"type":"ref/prompt","name":")" + prompt + R"("},"argument":{}})");
  };
  EXPECT_TRUE(completed("a__p").contains("completion"));
  EXPECT_EQ(completed("b__p"), unknown);
  (void)answer("logging/setLevel", R"({"level":"debug"})");
  settle();
  EXPECT_EQ(gateway["b"].connects, 0);
}

// Another client's list must not lack what this one may not see.
TEST_F(ViewOfAll, what_is_remembered_is_all_that_the_server_lists) {
  options.rights.tools = {"a__one"};
  EXPECT_EQ(names(), (Names{"a__one"}));
  options.rights = {};
  view.reset();
  EXPECT_EQ(names(), (Names{"a__one", "a__two", "b__three"}));
}

// A name that was shortened is looked up in what is shown.
TEST_F(ViewOfAll, a_hashed_name_is_no_way_around_rights) {
  const std::string one(80, 'x'), two(80, 'y');
  gateway["a"].answer =
      answers({{"tools/list", R"({"tools":[{"name":")" + one + R"("},{"name":")" + two + R"("}]})"},
               {"tools/call", R"({"content":[]})"}});
  options.rights.tools = {"a__x*"};
  ASSERT_EQ(names().size(), 1U);
  EXPECT_TRUE(answer("tools/call", R"({"name":")" + names()[0] + R"("})").contains("content"));
  const std::string hidden = shown_name("a", two);
  EXPECT_EQ(answer("tools/call", R"({"name":")" + hidden + R"("})").get<std::string>().substr(0, 20),
            "-32602 Unknown tool:");
  EXPECT_EQ(heard("a", "tools/call").size(), 1U);
}

TEST_F(ViewOfAll, a_view_of_one_server_has_the_same_rights) {
  const Rights rights{.tools = {"a__o*"}};
  view = view_of_one(gateway, "a", "chat", client, rights);
  EXPECT_EQ(names(), (Names{"one"}));
  EXPECT_EQ(answer("tools/call", R"({"name":"two"})"), "-32602 Unknown tool: two");
  EXPECT_TRUE(answer("tools/call", R"({"name":"one"})").contains("content"));
  EXPECT_TRUE(heard("a", "tools/call").size() == 1U);
  EXPECT_EQ(answer("tasks/list"), "-32601 Method not found: tasks/list") << "they may be anybody's";
  for (const char* hidden : {"b", "nobody"}) {
    view = view_of_one(gateway, hidden, "chat", client, rights);
    const auto hello = wait_for(loop, view->hello());
    ASSERT_FALSE(hello);
    EXPECT_EQ(hello.error().message(), "server " + std::string(hidden) + ": not found");
    EXPECT_FALSE(ask("tools/list"));
  }
  EXPECT_EQ(gateway["b"].connects, 0);
}

}  // namespace
}  // namespace holdfast::gateway
