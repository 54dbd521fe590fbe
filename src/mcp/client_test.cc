#include "mcp/client.h"

#include "mcp/client_testing.h"

namespace holdfast::mcp {
namespace {

TEST_F(ClientTest, initialize_offers_the_newest_and_takes_what_the_server_chose) {
  hello();
  EXPECT_EQ(offered,
            R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25",)"
            R"("capabilities":{},"clientInfo":{"name":"holdfast","version":")" HOLDFAST_VERSION R"("}}})");
  ASSERT_TRUE(*initialized) << initialized->error().message();
  EXPECT_EQ((*initialized)->protocol_version, "2025-06-18");
  EXPECT_EQ((*initialized)->capabilities, R"({"tools": {}})");
  EXPECT_EQ((*initialized)->server_info, R"({"name":"s"})");
  EXPECT_EQ((*initialized)->instructions, "be \"nice\"");
  EXPECT_TRUE(client->open());
}

TEST_F(ClientTest, a_version_that_we_do_not_speak_is_named_with_ours) {
  hello(R"({"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2099-01-01","capabilities":{}}})");
  ASSERT_FALSE(*initialized);
  EXPECT_TRUE(initialized->error().is(Errc::protocol));
  EXPECT_NE(initialized->error().message().find("2099-01-01"), std::string::npos);
  EXPECT_NE(initialized->error().message().find("2025-11-25"), std::string::npos);
  EXPECT_TRUE(peer.silent());
}

TEST_F(ClientTest, a_refused_or_malformed_handshake_is_a_protocol_error) {
  hello(R"({"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"go away"}})");
  ASSERT_FALSE(*initialized);
  EXPECT_TRUE(initialized->error().is(Errc::protocol));
  EXPECT_NE(initialized->error().message().find("go away"), std::string::npos);
}

TEST_F(ClientTest, a_handshake_whose_result_is_no_object_is_shown) {
  hello(R"({"jsonrpc":"2.0","id":1,"result":null})");
  ASSERT_FALSE(*initialized);
  EXPECT_TRUE(initialized->error().is(Errc::protocol));
  EXPECT_EQ(initialized->error().message(),
            "initialize the server's result is not an object: null: protocol error");
}

TEST_F(ClientTest, a_handshake_that_times_out_is_not_cancelled) {
  open();
  tasks.spawn("initialize", keep(client->initialize(in(1ms)), initialized));
  ASSERT_TRUE(run_until(loop, [&] { return initialized.has_value(); }));
  EXPECT_TRUE(initialized->error().is(Errc::timeout));
  peer.hear();
  EXPECT_TRUE(peer.silent());
}

TEST_F(ClientTest, before_the_handshake_only_ping_is_allowed) {
  open();
  Answer call, ping;
  ask(call, "tools/list");
  ASSERT_TRUE(answered(call));
  EXPECT_TRUE(call->error().is(Errc::refused));
  EXPECT_FALSE(client->notify("notifications/x", {}));
  ask(ping, "ping");
  EXPECT_EQ(peer.hear(), R"({"jsonrpc":"2.0","id":1,"method":"ping"})");
  peer.say("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n");
  ASSERT_TRUE(answered(ping));
  EXPECT_EQ((*ping)->result, "{}");
}

TEST_F(ClientTest, answers_find_their_requests_in_any_order_and_untouched) {
  hello();
  Answer a, b;
  ask(a, "tools/call", R"({"name":"x","arguments":{"n":1e400, "n":0.10}})");
  ask(b, "strange \"method\"");
  EXPECT_EQ(
      peer.hear(),
      R"({"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"x","arguments":{"n":1e400, "n":0.10}}})");
  EXPECT_EQ(peer.hear(), R"({"jsonrpc":"2.0","id":3,"method":"strange \"method\""})");
  EXPECT_EQ(client->in_flight(), 2U);
  peer.say(R"({"jsonrpc":"2.0","error":{"message":"n\u00f6","data":{"k": [ 1 ]},"code":-5},"id":3})"
           "\n"
           R"({"result": {"v": 12345678901234567890.10} ,"jsonrpc":"2.0","id":2})"
           "\n");
  ASSERT_TRUE(answered(a) && answered(b));
  EXPECT_EQ((*a)->result, R"({"v": 12345678901234567890.10})");
  EXPECT_FALSE((*a)->error);
  ASSERT_TRUE((*b)->error);
  EXPECT_EQ((*b)->error->code, -5);
  EXPECT_EQ((*b)->error->message, "n\xc3\xb6");
  EXPECT_EQ((*b)->error->data, R"({"k": [ 1 ]})");
  EXPECT_EQ(client->in_flight(), 0U);
}

TEST_F(ClientTest, params_that_span_lines_become_one_and_wrong_ones_are_not_sent) {
  hello();
  Answer a, b;
  ask(a, "x", "{\n  \"a\": \"\\n\",\r\n\"b\":1\n}");
  EXPECT_EQ(peer.hear(),
            "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"x\",\"params\":{   \"a\": \"\\n\",  \"b\":1 }}");
  for (const char* wrong : {"[]", "1", "{", "{}}", "{},\"x\":{}"}) {
    b.reset();
    ask(b, "x", wrong);
    ASSERT_TRUE(answered(b)) << wrong;
    ASSERT_FALSE(*b) << wrong;
    EXPECT_TRUE(b->error().is(Errc::invalid)) << wrong;
  }
  EXPECT_TRUE(peer.silent());
}

TEST_F(ClientTest, a_timeout_tells_the_server_and_swallows_the_late_reply) {
  hello();
  Answer a;
  ask(a, "tools/call", {}, 1ms);
  ASSERT_TRUE(answered(a));
  EXPECT_TRUE(a->error().is(Errc::timeout));
  EXPECT_EQ(client->in_flight(), 0U);
  peer.hear();
  EXPECT_EQ(peer.hear(), R"({"jsonrpc":"2.0","method":"notifications/cancelled",)"
                         R"("params":{"requestId":2,"reason":"timed out"}})");
  peer.say("{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}\n");
  EXPECT_TRUE(counted(&ClientCounters::late_replies, 1));
  EXPECT_EQ(client->counters().replies, 1);  // the handshake's
}

TEST_F(ClientTest, cancelling_the_coroutine_tells_the_server) {
  hello();
  Answer a, b;
  ask(a, "tools/call");
  peer.hear();
  tasks.cancel();
  ASSERT_TRUE(answered(a));
  EXPECT_TRUE(a->error().is(Errc::cancelled));
  EXPECT_EQ(peer.hear(), R"({"jsonrpc":"2.0","method":"notifications/cancelled",)"
                         R"("params":{"requestId":2,"reason":"cancelled"}})");
  peer.say("{\"jsonrpc\":\"2.0\",\"id\":2,\"error\":{\"code\":1,\"message\":\"m\"}}\n");
  EXPECT_TRUE(counted(&ClientCounters::late_replies, 1));
  EXPECT_TRUE(client->open());
}

TEST_F(ClientTest, a_deadline_that_has_passed_sends_nothing) {
  hello();
  Answer a;
  ask(a, "x", {}, -1ms);
  ASSERT_TRUE(answered(a));
  EXPECT_TRUE(a->error().is(Errc::timeout));
  EXPECT_TRUE(peer.silent());
}

TEST_F(ClientTest, progress_goes_to_the_request_that_it_is_about) {
  hello();
  std::vector<std::string> of_a, of_b;
  Answer a, b, c;
  ask(a, "x", {}, 5s, [&](std::string_view params) { of_a.emplace_back(params); });
  ask(b, "y", R"({"_meta":{"progressToken":2,"k":1}})", 5s,
      [&](std::string_view params) { of_b.emplace_back(params); });
  ask(c, "z", R"({"_meta":{"progressToken":2}})");  // nobody listens, yet it must not be taken for a's
  EXPECT_EQ(peer.hear(), R"({"jsonrpc":"2.0","id":2,"method":"x","params":{"_meta":{"progressToken":2}}})");
  EXPECT_EQ(peer.hear(),
            R"({"jsonrpc":"2.0","id":3,"method":"y","params":{"_meta":{"progressToken":3,"k":1}}})");
  EXPECT_EQ(peer.hear(), R"({"jsonrpc":"2.0","id":4,"method":"z","params":{"_meta":{"progressToken":4}}})");
  const auto progress = [](std::string token) {
    return R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":)" + token +
           ",\"progress\":1}}\n";
  };
  peer.say(progress("3") + progress("2") + progress("4") + progress("\"2\"") + progress("99") +
           progress("3"));
  peer.say("{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}\n" + progress("2"));
  ASSERT_TRUE(answered(a));
  loop.restart();
  loop.poll();
  EXPECT_EQ(of_a, (std::vector<std::string>{R"({"progressToken":2,"progress":1})"}));
  EXPECT_EQ(of_b.size(), 2U);
  EXPECT_TRUE(notes.empty());
}

TEST_F(ClientTest, what_the_server_asks_is_answered_at_once) {
  open();  // even before the handshake
  peer.say(
      "{\"jsonrpc\":\"2.0\",\"id\":\"p\\u0031\",\"method\":\"ping\"}\n"
      "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"roots/list\"}\n"
      "{\"jsonrpc\":\"2.0\",\"method\":\"sampling/createMessage\",\"params\":[],\"id\":1.5}\n");
  EXPECT_EQ(peer.hear(), R"({"jsonrpc":"2.0","id":"p\u0031","result":{}})");
  EXPECT_EQ(peer.hear(),
            R"({"jsonrpc":"2.0","id":0,"error":{"code":-32601,"message":"Method not found: roots/list"}})");
  EXPECT_EQ(peer.hear(),
            R"({"jsonrpc":"2.0","id":1.5,"error":{"code":-32600,"message":"params is not an object"}})");
  EXPECT_EQ(client->counters().refused_requests, 1);
  EXPECT_EQ(client->counters().garbage_lines, 1);
}

TEST_F(ClientTest, notifications_are_told_with_their_raw_params) {
  hello();
  peer.say(
      "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}\n"
      "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{ \"level\":\"info\" }}\n");
  ASSERT_TRUE(run_until(loop, [&] { return notes.size() == 2; }));
  EXPECT_EQ(notes[0], "notifications/tools/list_changed ");
  EXPECT_EQ(notes[1], "notifications/message { \"level\":\"info\" }");
}

TEST_F(ClientTest, garbage_is_skipped_and_counted) {
  hello();
  Answer a;
  ask(a, "x");
  peer.say(
      "npm warn\n\n{\"a\":1}\n{\"jsonrpc\":\"2.0\",\"id\":2}\n[]\n\xff\n"
      "{\"jsonrpc\":\"2.0\",\"id\":77,\"result\":{}}\n{\"jsonrpc\":\"2.0\",\"id\":\"2\",\"result\":{}}\n"
      "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32700,\"message\":\"?\"}}\n"
      "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"ok\":1}}\n");
  ASSERT_TRUE(answered(a));
  EXPECT_EQ((*a)->result, "{\"ok\":1}");
  EXPECT_EQ(client->counters().garbage_lines, 5);
  EXPECT_EQ(client->counters().unknown_replies, 3);
}

TEST_F(ClientTest, batches_are_taken_in_the_revision_that_has_them) {
  hello(
      R"({"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-03-26","capabilities":{},"serverInfo":{}}})");
  Answer a;
  ask(a, "x");
  peer.hear();
  peer.say(R"([{"jsonrpc":"2.0","id":"q","method":"ping"},{"jsonrpc":"2.0","id":2,"result":[3]},5,)"
           R"({"jsonrpc":"2.0","method":"n"},{"jsonrpc":"2.0","id":9,"method":"roots/list"}])"
           "\n");
  ASSERT_TRUE(answered(a));
  EXPECT_EQ((*a)->result, "[3]");
  EXPECT_EQ(peer.hear(), R"([{"jsonrpc":"2.0","id":"q","result":{}},{"jsonrpc":"2.0","id":9,"error":)"
                         R"({"code":-32601,"message":"Method not found: roots/list"}}])");
  EXPECT_EQ(notes, (std::vector<std::string>{"n "}));
  EXPECT_EQ(client->counters().garbage_lines, 1);
}

TEST_F(ClientTest, a_batch_of_too_many_messages_is_garbage_as_a_whole) {
  hello(
      R"({"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-03-26","capabilities":{},"serverInfo":{}}})");
  std::string batch = R"([{"jsonrpc":"2.0","id":"q","method":"ping"})";
  for (int i = 0; i < 1000; ++i) batch += ",1";
  peer.say(batch + "]\n");
  EXPECT_TRUE(counted(&ClientCounters::garbage_lines, 1));
  EXPECT_TRUE(peer.silent());
}

TEST_F(ClientTest, a_batch_is_garbage_in_other_revisions) {
  hello();
  peer.say("[{\"jsonrpc\":\"2.0\",\"id\":\"q\",\"method\":\"ping\"}]\n");
  EXPECT_TRUE(counted(&ClientCounters::garbage_lines, 1));
  EXPECT_TRUE(peer.silent());
}

TEST_F(ClientTest, an_answer_beyond_the_line_limit_fails_its_request_only) {
  hello(kHello, {.name = {}, .line_limit = 100'000});
  Answer a, b;
  ask(a, "x");
  ask(b, "y");
  peer.say_long("{\"result\":{\"t\":\"" + std::string(500'000, 'x') + "\"},\"jsonrpc\":\"2.0\",\"id\":2}\n" +
                "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}}\n");
  ASSERT_TRUE(answered(a) && answered(b));
  ASSERT_FALSE(*a);
  EXPECT_TRUE(a->error().is(Errc::limit)) << a->error().message();
  EXPECT_TRUE(*b);
  EXPECT_EQ(client->counters().garbage_lines, 1);
}

// It has come and nobody can read it: its caller need not wait for the deadline.
TEST_F(ClientTest, an_answer_that_is_invalid_fails_its_request_at_once) {
  hello();
  for (const std::string wrong :
       {"{\"jsonrpc\":\"2.0\",\"id\":%,\"result\":{\"text\":\"\xff\"}}",
        "{\"jsonrpc\":\"2.0\",\"id\":%,\"result\":{", "{\"jsonrpc\":\"2.0\",\"id\":%,\"result\":{},\"id\":%}",
        "{\"jsonrpc\":\"1.0\",\"id\":%,\"error\":{}}", "npm warn{\"jsonrpc\":\"2.0\",\"result\":{},\"id\":%}",
        "{\"jsonrpc\":\"2.0\",\"id\":%,\"error\":5}"}) {
    Answer a;
    ask(a, "x");
    const std::string asked = peer.hear();
    const std::size_t at = asked.find("\"id\":") + 5;
    std::string line = wrong;
    for (std::size_t hole = 0; (hole = line.find('%')) != std::string::npos;)
      line.replace(hole, 1, asked.substr(at, asked.find(',', at) - at));
    peer.say(line + "\n");
    ASSERT_TRUE(answered(a)) << line;
    ASSERT_FALSE(*a) << line;
    EXPECT_TRUE(a->error().is(Errc::protocol)) << a->error().message();
  }
  EXPECT_EQ(client->counters().garbage_lines, 6);
  EXPECT_EQ(client->counters().late_replies, 0);
}

// Two ids: the first one counts, as for every reader that goes from left to right.
TEST_F(ClientTest, of_two_ids_the_first_one_counts) {
  hello();
  Answer a, b;
  ask(a, "x");
  ask(b, "y");
  peer.say(
      "{\"jsonrpc\":\"2.0\",\"id\":2,\"id\":3,\"result\":{}}\n{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}}"
      "\n");
  ASSERT_TRUE(answered(a) && answered(b));
  EXPECT_FALSE(*a);
  EXPECT_TRUE(*b);
}

// A server that logs JSON to stdout must not break a call by the numbers of its log lines.
TEST_F(ClientTest, a_log_line_with_an_id_is_no_answer) {
  hello();
  Answer a;
  ask(a, "x");
  peer.say("{\"id\":2,\"error\":\"disk\"}\n{\"jsonrpc\":\"2.0\",\"id\":2,\"level\":3}\n");
  EXPECT_TRUE(counted(&ClientCounters::garbage_lines, 2));
  EXPECT_FALSE(a);
  peer.say("{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}\n");
  ASSERT_TRUE(answered(a));
  EXPECT_TRUE(*a);
}

TEST_F(ClientTest, a_long_answer_arrives_whole) {
  hello();
  Answer a;
  ask(a, "x");
  std::string text;
  text.resize(9'000'000, 'x');
  peer.say_long("{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":\"" + text + "\"}\n");
  ASSERT_TRUE(answered(a));
  EXPECT_EQ((*a)->result, "\"" + text + "\"");
}

TEST_F(ClientTest, the_end_of_the_server_fails_everything_in_flight_at_once) {
  hello();
  Answer a, b, c;
  ask(a, "x");
  ask(b, "y");
  peer.close_output();
  ASSERT_TRUE(answered(a) && answered(b));
  EXPECT_TRUE(a->error().is(Errc::closed));
  EXPECT_EQ(a->error().message(), b->error().message());
  ASSERT_EQ(closed.size(), 1U);
  EXPECT_EQ(closed[0], a->error().message());
  EXPECT_FALSE(client->open());
  ask(c, "z");
  ASSERT_TRUE(answered(c));
  EXPECT_TRUE(c->error().is(Errc::closed));
  EXPECT_EQ(closed.size(), 1U);
}

TEST_F(ClientTest, the_closed_event_may_destroy_the_client) {
  client = Client::over_stdio(loop.get_executor(), peer.in(), peer.out(), {},
                              {.notification = {}, .closed = [this](const Error& why) {
                                 closed.push_back(why.message());
                                 client.reset();
                               }});
  Answer a;
  ask(a, "ping");
  peer.close_output();
  ASSERT_TRUE(answered(a));
  EXPECT_TRUE(a->error().is(Errc::closed));
  EXPECT_EQ(closed.size(), 1U);
}

TEST_F(ClientTest, stop_writing_flushes_and_reading_goes_on) {
  hello();
  Answer a, b;
  ask(a, "x");
  const std::string big = "{\"t\":\"" + std::string(300'000, 'b') + "\"}";
  ASSERT_TRUE(client->notify("n", big));
  std::optional<int> stopped;
  const auto stop = [](Client& which, std::optional<int>& note) -> asio::awaitable<void> {
    co_await which.stop_writing(in(5s));
    note = 1;
  };
  tasks.spawn("stop", stop(*client, stopped));
  loop.restart();
  loop.poll();
  EXPECT_FALSE(stopped);
  EXPECT_FALSE(client->open());
  peer.say("{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"roots/list\"}\n");  // still answered
  loop.restart();
  loop.poll();
  peer.hear();
  EXPECT_EQ(peer.hear(), R"({"jsonrpc":"2.0","method":"n","params":)" + big + "}");
  EXPECT_NE(peer.hear().find("-32601"), std::string::npos);
  ASSERT_TRUE(run_until(loop, [&] { return stopped.has_value(); }));
  ask(b, "y");
  ASSERT_TRUE(answered(b));
  EXPECT_TRUE(b->error().is(Errc::closed));
  EXPECT_FALSE(client->notify("n", {}));
  peer.say("{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}\n");
  ASSERT_TRUE(answered(a));
  EXPECT_TRUE(*a);
  EXPECT_TRUE(closed.empty());
  EXPECT_TRUE(peer.ends_are_still_open());
}

TEST_F(ClientTest, release_fails_what_is_in_flight_and_gives_the_descriptors_back) {
  hello();
  Answer a;
  ask(a, "x");
  peer.hear();
  client->release();
  ASSERT_TRUE(answered(a));
  EXPECT_TRUE(a->error().is(Errc::closed));
  EXPECT_TRUE(closed.empty());
  EXPECT_TRUE(peer.ends_are_still_open());
}

TEST_F(ClientTest, destroying_the_client_fails_what_is_in_flight) {
  hello();
  Answer a;
  ask(a, "x");
  client.reset();
  ASSERT_TRUE(answered(a));
  EXPECT_TRUE(a->error().is(Errc::closed));
}

TEST_F(ClientTest, the_handshake_says_who_is_behind_us) {
  open();
  tasks.spawn("initialize",
              keep(client->initialize(in(5s), {.revision = "2025-06-18", .capabilities = R"({"roots":{}})"}),
                   initialized));
  EXPECT_EQ(peer.hear(),
            R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18",)"
            R"("capabilities":{"roots":{}},"clientInfo":{"name":"holdfast","version":")" HOLDFAST_VERSION
            R"("}}})");
}

TEST_F(ClientTest, a_deadline_that_was_put_off_meanwhile_goes_on) {
  hello();
  Answer a;
  int asked_again = 0;
  tasks.spawn("ask",
              keep(client->request("x", {},
                                   {.deadline = in(1ms),
                                    .extended = [&] { return ++asked_again < 3 ? in(1ms) : Deadline(); }}),
                   a));
  ASSERT_TRUE(answered(a));
  EXPECT_TRUE(a->error().is(Errc::timeout));
  EXPECT_EQ(asked_again, 3);
}

class Listing : public ClientTest {
 protected:
  // Answers each request with the next of `results`; the params that were asked with.
  void list(const std::vector<std::string>& results) {
    hello();
    tasks.spawn("list", keep(client->list_tools(in(5s)), tools));
    for (std::size_t i = 0; i < results.size(); ++i) {
      asked.push_back(peer.hear());
      peer.say("{\"jsonrpc\":\"2.0\",\"id\":" + std::to_string(i + 2) + "," + results[i] + "}\n");
    }
    ASSERT_TRUE(run_until(loop, [&] { return tools.has_value(); }));
  }
  std::optional<Result<std::vector<Tool>>> tools;
  std::vector<std::string> asked;
};

TEST_F(Listing, drains_all_pages_in_order_and_keeps_the_bytes) {
  list({R"("result":{"tools":[{"name":"b" , "x":1.0},{"name":"\u0061"}],"nextCursor":"c\"1"})",
        R"("result":{"nextCursor":"c2","tools":[]})",
        R"("result":{"tools":[{"name":"z"},{"noname":1}],"nextCursor":""})"});
  ASSERT_TRUE(*tools) << tools->error().message();
  ASSERT_EQ((*tools)->size(), 3U);
  EXPECT_EQ((**tools)[0].raw, R"({"name":"b" , "x":1.0})");
  EXPECT_EQ((**tools)[1].name, "a");
  EXPECT_EQ((**tools)[2].name, "z");
  EXPECT_EQ(asked[1], R"({"jsonrpc":"2.0","id":3,"method":"tools/list","params":{"cursor":"c\"1"}})");
}

TEST_F(Listing, a_repeated_cursor_is_a_protocol_error) {
  list({R"("result":{"tools":[],"nextCursor":"a"})", R"("result":{"tools":[],"nextCursor":"b"})",
        R"("result":{"tools":[],"nextCursor":"a"})"});
  ASSERT_FALSE(*tools);
  EXPECT_TRUE(tools->error().is(Errc::protocol));
}

TEST_F(Listing, of_too_many_tools_is_a_protocol_error_over_all_pages) {
  std::string page = R"("result":{"tools":[{"name":"a"})";
  for (std::size_t i = 1; i < kMostTools / 2 + 1; ++i) page += R"(,{"name":"a"})";
  list({page + R"(],"nextCursor":"1"})", page + "]}"});
  ASSERT_FALSE(*tools);
  EXPECT_EQ(tools->error().subject.view(), "the server offers more than 10000 tools");
}

TEST_F(Listing, malformed_json_inside_of_a_page_is_a_protocol_error) {
  list({R"("result":{"tools":[{"name":"a","inputSchema":{"x" 1}}]})"});
  ASSERT_FALSE(*tools);
  EXPECT_TRUE(tools->error().is(Errc::protocol));
}

TEST_F(Listing, a_server_without_tools_lists_none) {
  list({R"("error":{"code":-32601,"message":"Method not found"})"});
  ASSERT_TRUE(*tools);
  EXPECT_TRUE((*tools)->empty());
}

}  // namespace
}  // namespace holdfast::mcp
