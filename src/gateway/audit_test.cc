#include "gateway/audit.h"

#include <gtest/gtest.h>

#include <fstream>
#include <regex>
#include <sstream>

#include "base/test_support.h"

namespace holdfast::gateway {
namespace {

using std::chrono::microseconds;

struct AuditTest : testing::Test {
  test::TempDir folder;
  asio::io_context loop{1};
  std::filesystem::path file = folder.path() / "calls.jsonl";

  // The one line that this leaves, without its time.
  std::string line_of(Audit::Detail detail, const Audit::Asked& asked, Result<mcp::Reply> reply,
                      bool cancelled = false) {
    std::filesystem::remove(file);
    Audit audit(std::make_shared<Worker>(), file, detail);
    audit.record(asked, reply, cancelled, microseconds(1500));
    EXPECT_TRUE(test::wait_for(loop, audit.flush(std::chrono::seconds(10))));
    std::ostringstream text;
    text << std::ifstream(file).rdbuf();
    static const std::regex time(R"(^\{"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",)");
    EXPECT_TRUE(std::regex_search(text.str(), time)) << text.str();
    return std::regex_replace(text.str(), time, "{");
  }
};

constexpr Audit::Asked kAsked{.who = "ci",
                              .client = "claude \"code\"",
                              .session = "s1",
                              .server = "memory",
                              .method = "tools/call",
                              .params = R"({"name":"read","arguments":{"path":"/x","api_key":"hush"}})"};
const std::string kHead =
    R"({"who":"ci","client":"claude \"code\"","session":"s1","server":"memory","method":"tools/call","name":"read")";

TEST_F(AuditTest, who_called_what_and_what_came_of_it) {
  const auto names = Audit::Detail::names;
  EXPECT_EQ(line_of(names, kAsked, mcp::Reply{R"({"content":[]})", {}}),
            kHead + R"(,"outcome":"ok","took_us":1500,"result_bytes":14})" + "\n");
  EXPECT_EQ(line_of(names, kAsked, mcp::Reply{R"({"isError":true})", {}}),
            kHead + R"(,"outcome":"tool_error","took_us":1500,"result_bytes":16})" + "\n");
  EXPECT_EQ(line_of(names, kAsked, mcp::Reply{{}, mcp::RpcError{-32602, "no\nsuch", {}}}),
            kHead + R"(,"outcome":"error","code":-32602,"error":"no\nsuch","took_us":1500})" + "\n");
  EXPECT_EQ(line_of(names, kAsked, fail(Errc::closed, "", "it died")),
            kHead + R"(,"outcome":"failed","error":"it died","took_us":1500})" + "\n");
  EXPECT_EQ(line_of(names, kAsked, fail(Errc::cancelled, "call"), true),
            kHead + R"(,"outcome":"cancelled","took_us":1500})" + "\n");
  const auto mode = std::filesystem::status(file).permissions();
  EXPECT_EQ(mode, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(AuditTest, arguments_only_if_asked_for_and_never_secrets) {
  EXPECT_EQ(
      line_of(Audit::Detail::arguments, kAsked, mcp::Reply{"{}", {}}),
      kHead +
          R"(,"arguments":{"path":"/x","api_key":"***"},"outcome":"ok","took_us":1500,"result_bytes":2})" +
          "\n");
  auto much = kAsked;
  const std::string params = R"({"name":"read","arguments":{"text":")" + std::string(5000, 'x') + R"("}})";
  much.params = params;
  EXPECT_EQ(line_of(Audit::Detail::arguments, much, mcp::Reply{"{}", {}}),
            kHead + R"(,"arguments_bytes":5011,"outcome":"ok","took_us":1500,"result_bytes":2})" + "\n");
}

TEST_F(AuditTest, what_has_no_name_is_recorded_without_one) {
  auto list = kAsked;
  list.method = "resources/read", list.params = R"({"uri":"file:///x"})";
  EXPECT_NE(line_of(Audit::Detail::names, list, mcp::Reply{"{}", {}}).find(R"("name":"file:///x")"),
            std::string::npos);
  list.method = "tools/list", list.params = "";
  EXPECT_EQ(line_of(Audit::Detail::names, list, mcp::Reply{"{}", {}}).find(R"("name")"), std::string::npos);
}

TEST(WithoutSecrets, at_any_depth_and_by_any_spelling) {
  EXPECT_EQ(without_secrets(R"({"a":[{"Password":{"x":1}},{"b":"token"}],"x-api-key":["k"],"n":1.50})"),
            R"({"a":[{"Password":"***"},{"b":"token"}],"x-api-key":"***","n":1.50})");
  EXPECT_EQ(without_secrets(R"({"access_token":1,"Authorization":2,"key":3,"keyboard":4,"monkey":5})"),
            R"({"access_token":"***","Authorization":"***","key":"***","keyboard":4,"monkey":5})");
  EXPECT_EQ(without_secrets("[]"), "[]");
  EXPECT_EQ(without_secrets("{}"), "{}");
  EXPECT_EQ(without_secrets("null"), "null");
  for (const char* broken : {"{", "[1", "{\"a\":}", "nul", ""})
    EXPECT_EQ(without_secrets(broken), "") << broken;
}

}  // namespace
}  // namespace holdfast::gateway
