#include "gateway/tokens.h"

#include <gtest/gtest.h>
#include <openssl/sha.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "base/ids.h"
#include "gateway/token_file.h"

namespace holdfast::gateway {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

SystemTime now() { return std::chrono::system_clock::now(); }

struct TokensTest : testing::Test {
  fs::path dir = fs::temp_directory_path() / ("hf" + random_hex(6));
  fs::path file = token_file_in(dir);
  asio::io_context loop{1};
  std::shared_ptr<Worker> disk = std::make_shared<Worker>(4);

  TokensTest() { fs::create_directory(dir); }
  ~TokensTest() override {
    std::error_code ignored;
    fs::permissions(dir, fs::perms::owner_all, ignored);
    fs::remove_all(dir, ignored);
  }
  template <class T>
  T await(asio::awaitable<T> what) {
    auto value = asio::co_spawn(loop, std::move(what), asio::use_future);
    loop.restart();
    loop.run();
    return value.get();
  }
  [[nodiscard]] std::string text() const {
    std::ostringstream out;
    out << std::ifstream(file).rdbuf();
    return out.str();
  }
  void write(const std::string& what) const { std::ofstream(file) << what; }
  Tokens open() { return {file, read_tokens(file).value(), disk}; }
};

TEST_F(TokensTest, what_is_lent_is_good_as_long_as_it_is_held_and_never_on_the_disk) {
  Tokens tokens = open();
  PrincipalPtr ended;
  tokens.on_revoked([&](const PrincipalPtr& who) { ended = who; });
  auto lent = tokens.lend({.name = "run-1", .rights = {.tools = {"s__*"}}});
  ASSERT_TRUE(lent) << lent.error().message();
  const std::string secret = (*lent)->secret();
  const auto who = tokens.authenticate(secret, now());
  ASSERT_TRUE(who);
  EXPECT_EQ((*who)->rights.tools, std::vector<std::string>{"s__*"});
  EXPECT_FALSE(tokens.authenticate(secret.substr(0, secret.size() - 1) + "x", now()));
  ASSERT_TRUE(await(tokens.add({.name = "run-1"}))) << "its name is nobody's";
  EXPECT_EQ(tokens.list().size(), 1U);
  EXPECT_EQ(text().find((*who)->token), std::string::npos) << text();
  lent->reset();
  ASSERT_EQ(ended, *who);
  EXPECT_TRUE(ended->is_over(now()));
  EXPECT_FALSE(tokens.authenticate(secret, now()));
  EXPECT_FALSE(tokens.lend({.name = "run-2", .rights = {.tools = {"none"}}}))
      << "a glob that permits nothing";
}

TEST_F(TokensTest, a_token_is_random_and_only_its_hash_is_kept) {
  TokenList all;
  const auto made = add_token(all, {.name = "ci"}, now());
  ASSERT_TRUE(made) << made.error().message();
  const std::string prefix = "hf_" + made->token.id + "_";
  ASSERT_TRUE(made->secret.starts_with(prefix)) << made->secret;
  const std::string secret = made->secret.substr(prefix.size());
  EXPECT_GE(secret.size() * 4, 192U) << "hex digits have four bits";
  ASSERT_TRUE(write_tokens(file, all));
  EXPECT_EQ(text().find(secret), std::string::npos);
  unsigned char digest[SHA256_DIGEST_LENGTH];
  ::SHA256(reinterpret_cast<const unsigned char*>(made->secret.data()), made->secret.size(), digest);
  std::ostringstream hex;
  for (const unsigned byte : digest) hex << std::hex << (byte >> 4U) << (byte & 15U);
  EXPECT_NE(text().find(hex.str()), std::string::npos) << text();
  EXPECT_EQ(fs::status(file).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_EQ(std::distance(fs::directory_iterator(dir), fs::directory_iterator()), 1) << "nothing aside";
  std::set<std::string> others{made->secret};
  for (int i = 0; i < 50; ++i)
    others.insert(add_token(all, {.name = "t" + std::to_string(i)}, now())->secret);
  EXPECT_EQ(others.size(), 51U);
}

TEST_F(TokensTest, what_was_written_is_read_again) {
  TokenList all;
  const auto made = add_token(
      all, {.name = "ci", .rights = {.tools = {"a__b", "c__*"}, .servers = {"a"}}, .lifetime = 720h}, now());
  ASSERT_TRUE(add_token(all, {.name = "other"}, now()));
  ASSERT_TRUE(write_tokens(file, all));
  const auto read = read_tokens(file);
  ASSERT_TRUE(read) << read.error().message();
  ASSERT_EQ(read->size(), 2U);
  EXPECT_EQ(read->front().rights, all.front().rights);
  EXPECT_EQ(rfc3339(*read->front().expires), rfc3339(*all.front().expires));
  EXPECT_FALSE(read->back().expires);
  EXPECT_EQ(find_token(*read, made->secret)->name, "ci");
}

TEST_F(TokensTest, only_the_whole_token_opens) {
  TokenList all;
  const std::string secret = add_token(all, {.name = "ci"}, now())->secret;
  ASSERT_NE(find_token(all, secret), nullptr);
  std::string last = secret, first = secret;
  last.back() = last.back() == '0' ? '1' : '0';
  first[13] = first[13] == '0' ? '1' : '0';
  for (const std::string& wrong :
       {last, first, secret + "0", secret.substr(0, secret.size() - 1), secret.substr(0, 12), std::string(),
        std::string("hf_"), " " + secret, all.front().hash, "hf_00000000" + secret.substr(11),
        secret + std::string(10'000, 'x')})
    EXPECT_EQ(find_token(all, wrong), nullptr) << wrong.substr(0, 100);
}

TEST_F(TokensTest, no_file_is_no_tokens_and_a_damaged_one_is_an_error) {
  EXPECT_TRUE(read_tokens(file).value().empty());
  TokenList all;
  ASSERT_TRUE(add_token(all, {.name = "ci"}, now()));
  ASSERT_TRUE(write_tokens(file, all));
  const std::string good = text();
  auto json = nlohmann::ordered_json::parse(good);
  const auto with = [&](auto change) {
    auto changed = json;
    change(changed["tokens"][0]);
    return changed.dump();
  };
  const std::string bad[] = {
      "",
      "{}",
      "[]",
      good.substr(0, good.size() / 2),
      R"({"holdfast":"tokens 2","tokens":[]})",
      R"({"holdfast":"tokens 1"})",
      with([](auto& row) { row.erase("sha256"); }),
      with([](auto& row) { row["sha256"] = ""; }),
      with([](auto& row) { row["expires"] = "soon"; }),
      with([](auto& row) { row["tools"] = nlohmann::ordered_json::array(); }),
      with([](auto& row) { row["name"] = "a b"; }),
      R"({"holdfast":"tokens 1","tokens":[)" + json["tokens"][0].dump() + "," + json["tokens"][0].dump() +
          "]}",
      std::string(100'000, '['),
  };
  for (const auto& each : bad) {
    write(each);
    const auto read = read_tokens(file);
    ASSERT_FALSE(read) << each.substr(0, 300);
    EXPECT_TRUE(read.error().is(Errc::invalid)) << read.error().message();
  }
  write(good);
  ASSERT_TRUE(read_tokens(file));
  fs::permissions(file, fs::perms::group_write, fs::perm_options::add);
  ASSERT_FALSE(read_tokens(file)) << "whoever may write it may make tokens";
  fs::remove(file);
  fs::create_directory(file);
  EXPECT_FALSE(read_tokens(file));
}

TEST_F(TokensTest, what_is_asked_for_is_checked) {
  TokenList all;
  EXPECT_TRUE(add_token(all, {.name = "ci"}, now()));
  EXPECT_TRUE(add_token(all, {.name = "ci"}, now()).error().is(Errc::refused));
  for (const std::string& name :
       {std::string(), std::string("a b"), std::string("a/b"), std::string(65, 'a'), std::string("ä")})
    EXPECT_TRUE(add_token(all, {.name = name}, now()).error().is(Errc::invalid)) << name;
  EXPECT_FALSE(add_token(all, {.name = "x", .rights = {.tools = {"nonsense"}}}, now()));
  EXPECT_FALSE(add_token(all, {.name = "x", .rights = {}, .lifetime = 0ms}, now()));
  EXPECT_FALSE(add_token(all, {.name = "x", .rights = {}, .lifetime = 24h * 5000}, now()));
  EXPECT_TRUE(remove_token(all, "nobody").error().is(Errc::not_found));
  EXPECT_TRUE(remove_token(all, "ci"));
  EXPECT_TRUE(all.empty());
}

TEST_F(TokensTest, added_and_revoked_while_it_runs) {
  Tokens tokens = open();
  PrincipalPtr gone;
  tokens.on_revoked([&](const PrincipalPtr& who) { gone = who; });
  const auto made = await(tokens.add({.name = "ci", .rights = {.tools = {"a__b"}}}));
  ASSERT_TRUE(made) << made.error().message();
  EXPECT_FALSE(tokens.list().front().last_used);
  const auto who = tokens.authenticate(made->secret, now());
  ASSERT_TRUE(who);
  EXPECT_EQ((*who)->name, "ci");
  EXPECT_TRUE((*who)->by_token);
  EXPECT_EQ((*who)->rights.tools, std::vector<std::string>{"a__b"});
  EXPECT_EQ(*tokens.authenticate(made->secret, now()), *who) << "one principal, however often it comes";
  EXPECT_TRUE(tokens.list().front().last_used);
  EXPECT_TRUE(open().authenticate(made->secret, now())) << "the next start knows it";

  EXPECT_TRUE(await(tokens.revoke("ci")));
  EXPECT_EQ(gone, *who);
  EXPECT_TRUE((*who)->is_over(now()));
  EXPECT_FALSE(tokens.authenticate(made->secret, now()));
  EXPECT_TRUE(tokens.list().empty());
  EXPECT_FALSE(open().authenticate(made->secret, now()));
  EXPECT_TRUE(await(tokens.revoke("ci")).error().is(Errc::not_found));
}

TEST_F(TokensTest, ends_when_its_time_is_over) {
  Tokens tokens = open();
  const auto made = await(tokens.add({.name = "ci", .rights = {}, .lifetime = 1h}));
  ASSERT_TRUE(made);
  EXPECT_TRUE(tokens.authenticate(made->secret, now() + 59min));
  const auto late = tokens.authenticate(made->secret, now() + 61min);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().op, "the token has expired");
}

// A folder in the way of the file that is written aside: no disk, no user would let it be replaced.
TEST_F(TokensTest, a_disk_that_refuses_makes_no_token_and_revokes_all_the_same) {
  Tokens tokens = open();
  const auto made = await(tokens.add({.name = "ci"}));
  ASSERT_TRUE(made);
  fs::create_directories(file.native() + ".new/x");
  EXPECT_FALSE(await(tokens.add({.name = "two"})));
  EXPECT_EQ(tokens.list().size(), 1U);
  EXPECT_FALSE(await(tokens.revoke("ci")));
  EXPECT_FALSE(tokens.authenticate(made->secret, now()));
  fs::remove_all(file.native() + ".new");
  EXPECT_TRUE(await(tokens.revoke("ci"))) << "said again, it is done";
  EXPECT_TRUE(read_tokens(file).value().empty());
}

}  // namespace
}  // namespace holdfast::gateway
