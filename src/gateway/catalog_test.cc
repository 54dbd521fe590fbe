#include "gateway/catalog.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "base/test_support.h"

namespace holdfast::gateway {
namespace {

namespace fs = std::filesystem;
using test::TempDir;
using test::wait_for;

const CatalogKey kKey{"memory", 7, 9};

ServerRecord record_of(const std::string& tools) {
  auto listing = std::make_shared<Listing>();
  std::string result = "{\"tools\":" + tools + "}";
  EXPECT_TRUE(add_page(ListKind::tools, "memory", result, *listing));
  ServerRecord record;
  record.capabilities = R"({"tools":{"listChanged":true},"x":1e400})";
  record.instructions = "be \"nice\"\nand é";
  record.listing(ListKind::tools) = listing;
  return record;
}

struct Reader : Catalog::Reader {
  int told = 0, changed = 0;
  void remembered(const CatalogKey&, const RecordPtr&) override { ++told; }
  void servers_changed() override { ++changed; }
};

std::vector<fs::path> files(const fs::path& dir) {
  std::vector<fs::path> all;
  for (const auto& each : fs::directory_iterator(dir)) all.push_back(each.path());
  return all;
}

struct CatalogTest : testing::Test {
  asio::io_context loop;
  TempDir temp;
  fs::path dir = temp.path() / "catalog";

  void remember(const ServerRecord& record, CatalogKey key = kKey, CatalogLimits limits = {}) {
    Catalog catalog(dir, limits);
    catalog.remember(key, record);
    ASSERT_TRUE(wait_for(loop, catalog.settled()));
  }
  RecordPtr recall(const CatalogKey& key = kKey, CatalogLimits limits = {}) {
    Catalog catalog(dir, limits);
    return wait_for(loop, catalog.recall(key));
  }
};

TEST_F(CatalogTest, another_life_finds_the_bytes_that_came) {
  const auto before = record_of(R"([{"name":"a","n":1e400, "z":"\/"},{"name":"b"}])");
  remember(before);
  const auto after = recall();
  ASSERT_TRUE(after);
  EXPECT_EQ(after->capabilities, before.capabilities);
  EXPECT_EQ(after->instructions, before.instructions);
  ASSERT_TRUE(after->listing(ListKind::tools));
  EXPECT_EQ(*after->listing(ListKind::tools), *before.listing(ListKind::tools));
  EXPECT_FALSE(after->listing(ListKind::prompts)) << "what nobody knows is not nothing";
}

TEST_F(CatalogTest, another_entry_or_client_or_name_is_somebody_else) {
  remember(record_of(R"([{"name":"a"}])"));
  EXPECT_FALSE(recall({"memory", 8, 9}));
  EXPECT_FALSE(recall({"memory", 7, 8}));
  EXPECT_FALSE(recall({"other", 7, 9}));
}

// Every prefix, and the file of somebody else under this one's name.
TEST_F(CatalogTest, what_is_torn_or_foreign_is_unknown_and_written_anew) {
  remember(record_of(R"([{"name":"a"}])"));
  const auto path = files(dir).at(0);
  std::stringstream whole;
  whole << std::ifstream(path).rdbuf();
  const std::string text = whole.str();
  for (std::size_t size = 0; size < text.size(); ++size) {
    EXPECT_FALSE(read_record("memory 7 9", text.substr(0, size))) << size;
  }
  EXPECT_TRUE(read_record("memory 7 9", text));
  EXPECT_FALSE(read_record("memory 7 8", text));
  EXPECT_FALSE(read_record("memory 7 9", text + "\n"));
  std::string broken = text;
  broken.insert(broken.find("{\"name\":\"a\"}") + 1, "\n");
  EXPECT_FALSE(read_record("memory 7 9", broken)) << "a line break would end a message early";
  std::ofstream(path) << "junk";
  EXPECT_FALSE(recall());
  remember(record_of(R"([{"name":"a"}])"));
  EXPECT_TRUE(recall());
}

TEST_F(CatalogTest, in_place_of_a_file_anything_may_stand) {
  remember(record_of(R"([{"name":"a"}])"));
  const auto path = files(dir).at(0);
  fs::remove(path);
  fs::create_directory(path);
  EXPECT_FALSE(recall());
  fs::remove(path);
  std::ofstream(path) << std::string(1 << 20, 'x');
  EXPECT_FALSE(recall(kKey, {.file_bytes = 1000}));
}

TEST_F(CatalogTest, what_is_too_long_for_a_file_leaves_no_older_one_behind) {
  remember(record_of(R"([{"name":"a"}])"));
  remember(record_of(R"([{"name":"b","d":")" + std::string(3000, 'x') + R"("}])"), kKey,
           {.file_bytes = 1000});
  EXPECT_FALSE(recall());
}

TEST_F(CatalogTest, files_are_no_more_than_allowed_and_nobody_else_may_read_them) {
  Catalog catalog(dir, {.records = 3});
  for (std::uint64_t i = 0; i < 10; ++i) catalog.remember({"s", i, 0}, record_of(R"([{"name":"a"}])"));
  ASSERT_TRUE(wait_for(loop, catalog.settled()));
  EXPECT_EQ(files(dir).size(), 3U);
  EXPECT_EQ(fs::status(dir).permissions(), fs::perms::owner_all);
}

TEST_F(CatalogTest, readers_hear_of_what_is_another_only) {
  Catalog catalog;
  const auto reader = std::make_shared<Reader>();
  catalog.read_by(reader);
  catalog.remember(kKey, record_of(R"([{"name":"a"}])"));
  EXPECT_EQ(reader->told, 1);
  catalog.remember(kKey, record_of(R"([{"name":"a"}])"));
  EXPECT_EQ(reader->told, 1);
  catalog.remember(kKey, record_of(R"([{"name":"b"}])"));
  EXPECT_EQ(reader->told, 2);
  catalog.servers_changed();
  EXPECT_EQ(reader->changed, 1);
}

TEST_F(CatalogTest, without_a_directory_it_remembers_until_its_end) {
  Catalog catalog;
  EXPECT_FALSE(wait_for(loop, catalog.recall(kKey)));
  catalog.remember(kKey, record_of(R"([{"name":"a"}])"));
  EXPECT_TRUE(wait_for(loop, catalog.recall(kKey)));
}

TEST_F(CatalogTest, a_directory_that_cannot_be_made_costs_the_memory_of_disk_only) {
  std::ofstream(dir) << "a file";
  Catalog catalog(dir);
  catalog.remember(kKey, record_of(R"([{"name":"a"}])"));
  EXPECT_TRUE(wait_for(loop, catalog.settled()));
  EXPECT_TRUE(wait_for(loop, catalog.recall(kKey)));
}

TEST(ListingIdentity, what_decides_what_is_listed_is_part_of_it) {
  config::Server entry;
  entry.command = "npx";
  const auto plain = listing_identity(entry);
  auto other = entry;
  other.args = {"a", "b"};
  const auto two = listing_identity(other);
  other.args = {"ab"};
  EXPECT_NE(two, listing_identity(other));
  EXPECT_NE(two, plain);
  other = entry, other.env = {{"A", "1"}};
  EXPECT_NE(listing_identity(other), plain);
  other = entry, other.tools_exclude = {"x"};
  EXPECT_NE(listing_identity(other), plain);
  other = entry, other.call_timeout = milliseconds(1);
  EXPECT_EQ(listing_identity(other), plain);
}

}  // namespace
}  // namespace holdfast::gateway
