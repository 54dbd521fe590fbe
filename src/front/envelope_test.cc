#include "front/envelope.h"

#include <gtest/gtest.h>

namespace holdfast::front {
namespace {

using Kind = Envelope::Kind;

TEST(Envelope, ids_keep_their_exact_json_type) {
  for (const char* id : {"0", "\"0\"", "-1", "1.0", "\"a\\\"b\\u00e9\"", "12345678901234567890"}) {
    const auto got = read_envelope(std::string(R"({"jsonrpc":"2.0","id": )") + id + R"( ,"method":"ping"})");
    EXPECT_EQ(got.kind, Kind::request) << id;
    EXPECT_EQ(got.id, id);
  }
}

TEST(Envelope, params_are_the_bytes_that_came_on_one_line) {
  const auto fine =
      read_envelope("{\"params\":{\"x\" :1.50,\n\"y\":[1]},\"jsonrpc\":\"2.0\",\"method\":\"a\\/b\"}");
  EXPECT_EQ(fine.kind, Kind::notification);
  EXPECT_EQ(fine.method, "a/b");
  EXPECT_EQ(fine.params, "{\"x\" :1.50, \"y\":[1]}");
}

TEST(Envelope, kinds_are_told_apart) {
  EXPECT_EQ(read_envelope("").kind, Kind::garbage);
  EXPECT_EQ(read_envelope("{\"jsonrpc\":\"2.0\",").kind, Kind::garbage);
  EXPECT_EQ(read_envelope(R"({"jsonrpc":"2.0","method":"x","params":{"a":tru}})").kind, Kind::garbage);
  EXPECT_EQ(read_envelope("[]").kind, Kind::batch);
  EXPECT_EQ(read_envelope("7").kind, Kind::invalid);
  EXPECT_EQ(read_envelope(R"({"jsonrpc":"2.0","id":null,"method":"x"})").kind, Kind::invalid);
  EXPECT_EQ(read_envelope(R"({"jsonrpc":"1.0","id":1,"method":"x"})").kind, Kind::invalid);
  EXPECT_EQ(read_envelope(R"({"jsonrpc":"2.0","id":1})").kind, Kind::invalid);
  EXPECT_EQ(read_envelope(R"({"jsonrpc":"2.0","id":1,"method":7})").kind, Kind::invalid);
  EXPECT_EQ(read_envelope(R"({"jsonrpc":"2.0","id":1,"method":"x","params":[1]})").kind, Kind::invalid);
  EXPECT_EQ(read_envelope(R"({"jsonrpc":"2.0","id":1,"result":{}})").kind, Kind::response);
}

TEST(Envelope, cancelled_names_its_request) {
  const auto got = read_envelope(
      R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"reason":"x","requestId":"7"}})");
  EXPECT_EQ(got.kind, Kind::notification);
  EXPECT_EQ(got.cancelled, "\"7\"");
}

}  // namespace
}  // namespace holdfast::front
