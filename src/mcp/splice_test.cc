#include "mcp/splice.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "mcp/message.h"

namespace holdfast::mcp {
namespace {

using namespace std::string_literals;

struct Read {
  std::string line;
  Message message;
  [[nodiscard]] std::string at(const Span& span) const { return std::string(span.of(line)); }
};

Read read(std::string line) {
  Splicer splicer;
  Read out{std::move(line), {}};
  out.message = splicer.read(PaddedText::in(out.line));
  return out;
}
Kind kind(std::string line) { return read(std::move(line)).message.kind; }

TEST(Splicer, reads_a_request) {
  const auto r = read(
      R"( {"jsonrpc":"2.0", "id" : 7 ,"method":"tools/call","params": {"name":"add" , "arguments":{"a":1e400},)"
      R"("_meta":{"x":[1,{}],"progressToken":"t1"} } } )");
  ASSERT_EQ(r.message.kind, Kind::request) << r.message.problem;
  EXPECT_EQ(r.message.method, "tools/call");
  EXPECT_EQ(r.at(r.message.id), "7");
  EXPECT_EQ(r.at(r.message.params.whole),
            R"({"name":"add" , "arguments":{"a":1e400},"_meta":{"x":[1,{}],"progressToken":"t1"} })");
  EXPECT_EQ(r.at(r.message.params.name), R"("add")");
  EXPECT_EQ(r.at(r.message.params.meta), R"({"x":[1,{}],"progressToken":"t1"})");
  EXPECT_EQ(r.at(r.message.params.token), R"("t1")");
  EXPECT_FALSE(r.message.params.uri);
}

TEST(Splicer, the_id_may_stand_last) {
  const auto r = read(R"({"result":{"content":[{"text":"}\"id\":9"}]},"jsonrpc":"2.0","id":0})");
  ASSERT_EQ(r.message.kind, Kind::response) << r.message.problem;
  EXPECT_EQ(r.at(r.message.id), "0");
  EXPECT_EQ(r.at(r.message.result), R"({"content":[{"text":"}\"id\":9"}]})");
}

TEST(Splicer, an_id_keeps_its_exact_text) {
  for (const std::string id : {"0", "\"0\"", "-1", "1.0", "1e3", "123456789012345678901234567890",
                               R"("\u0061\n\"")", "\"\"", "9007199254740993"}) {
    const auto r = read(R"({"jsonrpc":"2.0","method":"ping","id":)" + id + "}");
    EXPECT_EQ(r.message.kind, Kind::request) << id << ": " << r.message.problem;
    EXPECT_EQ(r.at(r.message.id), id);
  }
}

TEST(Splicer, an_id_of_another_type_is_invalid) {
  for (const std::string id : {"null", "true", "{}", "[]", "[1]", "01", "+1", "1.", ".5", "0x1", "1a", "nul",
                               "tru", R"("\x")", R"("\ud800")", "-", "NaN"}) {
    EXPECT_EQ(kind(R"({"jsonrpc":"2.0","method":"ping","id":)" + id + "}"), Kind::invalid) << id;
    EXPECT_EQ(kind(R"({"jsonrpc":"2.0","id":)" + id + R"(,"result":{}})"), Kind::invalid) << id;
  }
}

// The reader of JSON takes the `}` for the value, or the value for a key, and from there on counts one
// bracket short: a member of the result would be the answer's id.
TEST(Splicer, what_is_passed_over_keeps_the_balance_of_brackets) {
  for (const std::string value :
       {R"({"a":},"b":{"c":1]})", R"({"a":"b":1}})", "[},1]]", "[,1]]", R"(["a":1]])", "[]]", "{}}"}) {
    EXPECT_EQ(kind(R"({"result":)" + value + R"(,"jsonrpc":"2.0","id":0})"), Kind::invalid) << value;
    EXPECT_EQ(kind(R"({"x":)" + value + R"(,"jsonrpc":"2.0","method":"m"})"), Kind::invalid) << value;
    EXPECT_EQ(kind(R"({"jsonrpc":"2.0","method":"m","params":{"x":)" + value + "}}"), Kind::invalid) << value;
    EXPECT_EQ(kind(R"({"jsonrpc":"2.0","method":"m","params":{"_meta":{"x":)" + value + "}}}"), Kind::invalid)
        << value;
  }
  for (const std::string value : {"}", R"("a":{"b":1)", ",", ":", ""})
    EXPECT_EQ(kind(R"({"x":)" + value + R"(,"jsonrpc":"2.0","method":"m"})"), Kind::invalid) << value;
}

TEST(Splicer, an_error_may_lack_its_id) {
  EXPECT_EQ(kind(R"({"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"x"}})"), Kind::response);
  EXPECT_EQ(kind(R"({"jsonrpc":"2.0","error":{"code":-32700,"message":"x"}})"), Kind::response);
  EXPECT_EQ(kind(R"({"jsonrpc":"2.0","id":1,"error":"x"})"), Kind::invalid);
}

TEST(Splicer, notifications_have_no_id) {
  const auto r = read(
      R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":5,"progress":0.5}})");
  ASSERT_EQ(r.message.kind, Kind::notification);
  EXPECT_EQ(r.at(r.message.params.progress), "5");
  const auto c = read(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"a b"}})");
  EXPECT_EQ(c.at(c.message.params.cancelled), R"("a b")");
  EXPECT_EQ(kind(R"({"jsonrpc":"2.0","method":"x","params":null})"), Kind::notification);
}

TEST(Splicer, escaped_member_names_are_the_same_names) {
  const auto r =
      read(R"({"jsonrpc":"2.0","\u0069d":3,"m\u0065thod":"to\u006fls\/call","params":{"n\u0061me":"x"}})");
  ASSERT_EQ(r.message.kind, Kind::request) << r.message.problem;
  EXPECT_EQ(r.at(r.message.id), "3");
  EXPECT_EQ(r.message.method, "tools/call");
  EXPECT_EQ(r.at(r.message.params.name), R"("x")");
}

TEST(Splicer, a_member_that_routing_reads_may_stand_once) {
  for (
      const char* line : {
          R"({"jsonrpc":"2.0","id":1,"id":2,"method":"ping"})",
          R"({"jsonrpc":"2.0","id":1,"\u0069d":2,"method":"ping"})",
          R"({"jsonrpc":"2.0","id":null,"id":2,"method":"ping"})",
          R"({"jsonrpc":"2.0","id":2,"id":null,"method":"ping"})",
          R"({"jsonrpc":"2.0","jsonrpc":"2.0","id":1,"method":"ping"})",
          R"({"jsonrpc":"2.0","id":1,"method":"ping","method":"ping"})",
          R"({"jsonrpc":"2.0","id":1,"method":"a","params":{},"params":{}})",
          R"({"jsonrpc":"2.0","id":1,"method":"a","params":null,"params":{}})",
          R"({"jsonrpc":"2.0","id":1,"method":"a","params":{"name":"x","name":"y"}})",
          R"({"jsonrpc":"2.0","id":1,"method":"a","params":{"name":1,"name":"y"}})",
          R"({"jsonrpc":"2.0","id":1,"method":"a","params":{"uri":"x","uri":"y"}})",
          R"({"jsonrpc":"2.0","id":1,"method":"a","params":{"_meta":{},"_meta":{}}})",
          R"({"jsonrpc":"2.0","id":1,"method":"a","params":{"_meta":{"progressToken":1,"progressToken":1}}})",
          R"({"jsonrpc":"2.0","id":1,"result":{},"result":{}})",
          R"({"jsonrpc":"2.0","id":1,"error":{},"error":{}})",
      })
    EXPECT_EQ(kind(line), Kind::invalid) << line;
  // Of others, the receiver decides.
  EXPECT_EQ(kind(R"({"jsonrpc":"2.0","x":1,"x":2,"id":1,"method":"a","params":{"y":1,"y":2}})"),
            Kind::request);
}

TEST(Splicer, what_is_no_message_is_invalid) {
  for (const std::string& line :
       {""s,
        " "s,
        "hello"s,
        "{"s,
        "}"s,
        "{}"s,
        "{\"id\":1}"s,
        "null"s,
        "1"s,
        "\"x\""s,
        "{\"jsonrpc\":\"2.0\"}"s,
        R"({"jsonrpc":"1.0","id":1,"method":"a"})"s,
        R"({"jsonrpc":2.0,"id":1,"method":"a"})"s,
        R"({"id":1,"method":"a"})"s,
        R"({"jsonrpc":"2.0","id":1,"method":5})"s,
        R"({"jsonrpc":"2.0","id":1,"method":"a"} x)"s,
        R"({"jsonrpc":"2.0","id":1,"method":"a"}})"s,
        R"({"jsonrpc":"2.0","id":1,"method":"a"}{})"s,
        R"({"jsonrpc":"2.0","id":1,"method":"a")"s,
        R"({"jsonrpc":"2.0","id":1,"method":"a")"s + "\0}"s,
        R"({"jsonrpc":"2.0","id":1,"method":"a"})"s + "\0"s,
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\0b\"}"s,
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\xff\"}"s,
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\",\"x\":\"\xc0\x80\"}"s,
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\",\"x\":\"\x01\"}"s,
        R"({"jsonrpc":"2.0","id":1,"result":{},"error":{}})"s,
        R"({"jsonrpc":"2.0","id":1,"method":"a","result":{}})"s,
        R"({"jsonrpc":"2.0","id":1,"params":{}})"s,
        R"({"jsonrpc":"2.0","id":1,"method":"a","params":[1]})"s,
        R"({"jsonrpc":"2.0","id":1,"method":"a","params":"x"})"s,
        R"({"jsonrpc":"2.0","id":1,"method":"a","params":7})"s,
        R"({"jsonrpc":"2.0","id":1,"method":"a","params":{"_meta":[]}})"s,
        R"({"jsonrpc":"2.0","id":1,"method":"a","params":{"_meta":{"progressToken":{}}}})"s,
        R"({"jsonrpc":"2.0" "id":1,"method":"a"})"s,
        R"({"jsonrpc":"2.0","id" 1,"method":"a"})"s,
        R"({"jsonrpc":"2.0","id":1,"method":"a",})"s,
        R"({jsonrpc:"2.0","id":1,"method":"a"})"s,
        R"({"jsonrpc":"2.0","id":1,"result":{]})"s,
        R"({"jsonrpc":"2.0","id":1,"result":[}})"s,
        R"({"jsonrpc":"2.0","id":1,"result":})"s,
        R"({"jsonrpc":"2.0","id":1,"result":1 2})"s,
        R"({"jsonrpc":"2.0","id":1,"method":"a","params":{"name":"x"]})"s,
        R"(]})"s,
        R"({"jsonrpc":"2.0","id":1)"s})
    EXPECT_EQ(kind(line), Kind::invalid) << line;
}

TEST(Splicer, an_invalid_request_keeps_the_id_that_was_legible) {
  const auto r = read(R"({"jsonrpc":"2.0","method":"a","params":[1],"id":"k"})");
  EXPECT_EQ(r.message.kind, Kind::invalid);
  EXPECT_EQ(r.at(r.message.id), R"("k")");
  EXPECT_EQ(r.message.method, "a");
}

TEST(Splicer, deep_nesting_is_only_bytes) {
  const std::string deep = std::string(200000, '[') + std::string(200000, ']');
  const auto r = read(R"({"jsonrpc":"2.0","id":1,"result":{"x":)" + deep + "}}");
  ASSERT_EQ(r.message.kind, Kind::response) << r.message.problem;
  EXPECT_EQ(r.message.result.size, deep.size() + 6);
  EXPECT_EQ(kind(R"({"jsonrpc":"2.0","id":1,"result":)" + std::string(200000, '[') + "}"), Kind::invalid);
  EXPECT_EQ(kind(R"({"jsonrpc":"2.0","id":1,"result":)" + std::string(200000, '{') + "}"), Kind::invalid);
  EXPECT_EQ(kind(std::string(200000, '{')), Kind::invalid);
}

TEST(Splicer, what_lies_behind_the_line_does_not_matter) {
  const std::string whole = R"({"jsonrpc":"2.0","id":1,"method":"a","params":{"name":"x"}})";
  for (const char behind : {'}', ']', '"', '1', ',', ' ', '\0', '\n'}) {
    for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
      std::string buffer = whole.substr(0, cut) + std::string(kPadding, behind);
      Splicer splicer;
      const auto text = PaddedText::promised(std::string_view(buffer).substr(0, cut));
      EXPECT_EQ(splicer.read(text).kind, cut == whole.size() ? Kind::request : Kind::invalid)
          << cut << behind;
    }
  }
}

TEST(Splicer, batches_are_recognised_and_taken_apart) {
  std::string line = R"( [{"jsonrpc":"2.0","method":"a"} , {"jsonrpc":"2.0","id":1,"result":[1,2]},3])";
  Splicer splicer;
  ASSERT_EQ(splicer.read(PaddedText::in(line)).kind, Kind::batch);
  const auto parts = elements(PaddedText::in(line));
  ASSERT_TRUE(parts);
  ASSERT_EQ(parts->size(), 3U);
  EXPECT_EQ(splicer.read(PaddedText::promised((*parts)[0])).kind, Kind::notification);
  EXPECT_EQ(splicer.read(PaddedText::promised((*parts)[1])).kind, Kind::response);
  EXPECT_EQ(splicer.read(PaddedText::promised((*parts)[2])).kind, Kind::invalid);
  for (std::string bad : {"[", "[1", "[1,]", "[1 2]", "[1]]", "[{]", "[tru]"})
    EXPECT_FALSE(elements(PaddedText::in(bad))) << bad;
}

TEST(Splice, spans_are_what_they_name_and_nothing_else) {
  const auto r = read(
      "{\"big\":1e400,\"jsonrpc\":\"2.0\",\t\"id\":\"k\\u0061\",\"method\":\"tools/"
      "call\",\"params\":{\"name\":\"s__t\","
      "\"arguments\":{\"n\":0.10,\"n\":12345678901234567890}},\"extra\":[ ]}");
  ASSERT_EQ(r.message.kind, Kind::request) << r.message.problem;
  const Span id = r.message.id, name = r.message.params.name;
  std::string out = r.line;
  out.replace(name.offset, name.size, "\"t\"").replace(id.offset, id.size, "42");  // from behind
  EXPECT_EQ(
      out,
      "{\"big\":1e400,\"jsonrpc\":\"2.0\",\t\"id\":42,\"method\":\"tools/call\",\"params\":{\"name\":\"t\","
      "\"arguments\":{\"n\":0.10,\"n\":12345678901234567890}},\"extra\":[ ]}");
}

std::string with_token(std::string params, std::string_view token) {
  Splicer splicer;
  const auto read = splicer.read_params(PaddedText::in(params));
  if (!read) return read.error().message();
  std::string storage;
  const Edit edit = set_progress_token(*read, token, storage);
  return params.replace(edit.where.offset, edit.where.size, edit.with);
}

TEST(Splice, sets_a_progress_token_wherever_it_has_to_go) {
  EXPECT_EQ(with_token("{}", "5"), R"({"_meta":{"progressToken":5}})");
  EXPECT_EQ(with_token(R"({ "a":1})", "5"), R"({"_meta":{"progressToken":5}, "a":1})");
  EXPECT_EQ(with_token(R"({"a":1,"_meta":{}})", "5"), R"({"a":1,"_meta":{"progressToken":5}})");
  EXPECT_EQ(with_token(R"({"_meta":{"t":"x"}})", "5"), R"({"_meta":{"progressToken":5,"t":"x"}})");
  EXPECT_EQ(with_token(R"({"_meta":{"progressToken":"abc"}})", "5"), R"({"_meta":{"progressToken":5}})");
  EXPECT_EQ(with_token(R"({"_meta":{"progressToken": null }})", "5"), R"({"_meta":{"progressToken": 5 }})");
  EXPECT_EQ(with_token(R"({"progressToken":1})", "5"), R"({"_meta":{"progressToken":5},"progressToken":1})");
}

TEST(Splice, params_must_be_one_object) {
  Splicer splicer;
  for (std::string bad : {"", "[]", "1", "null", "{}{}", "{} 1", "{\"a\"}", "{\"a\":1", "{\"_meta\":1}"})
    EXPECT_FALSE(splicer.read_params(PaddedText::in(bad))) << bad;
}

TEST(RawJson, members_keep_the_bytes) {
  std::string text = R"({"a": 1.50 ,"b":{ "c":[ ] } , "\u0061":"x"})";
  const auto all = members(PaddedText::in(text));
  ASSERT_TRUE(all);
  ASSERT_EQ(all->size(), 3U);
  EXPECT_EQ((*all)[0].value, "1.50");
  EXPECT_EQ((*all)[1].value, R"({ "c":[ ] })");
  EXPECT_EQ(member(*all, "b"), R"({ "c":[ ] })");
  EXPECT_EQ(member(*all, "a"), "") << "twice there, once escaped";
  EXPECT_EQ(member(*all, "z"), "");
}

TEST(RawJson, strings_are_quoted_and_decoded) {
  for (const std::string& text : {""s, "plain"s, "a\"b\\c"s, "line\nend\0nul"s, "gr\xc3\xbc\xc3\x9f"s}) {
    const auto back = decode_string(quote(text));
    ASSERT_TRUE(back);
    EXPECT_EQ(*back, text);
  }
  EXPECT_EQ(quote("\xff"), "\"\xef\xbf\xbd\"");
  EXPECT_FALSE(decode_string("5"));
  EXPECT_FALSE(decode_string(""));
}

}  // namespace
}  // namespace holdfast::mcp
