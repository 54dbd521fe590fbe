#include "custody/ledger.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "base/ids.h"

namespace holdfast::custody {
namespace {

namespace fs = std::filesystem;

LedgerEntry example(std::string id = "memory-0123456789") {
  LedgerEntry entry;
  entry.id = std::move(id);
  entry.name = "a name\nwith 100% of everything =";
  entry.boot_id = "7d9f4a44-0000-0000-0000-000000000000";
  entry.gateway_id = "cafe0123";
  entry.generation = "01234567";
  entry.gateway = {.pid = 41, .start_ticks = 9, .handle = 77};
  entry.leaf = "/sys/fs/cgroup/x/holdfast-cafe0123/" + entry.id;
  entry.tag = "cafe0123/" + entry.id;
  entry.uid = 1000;
  entry.lost = milliseconds(1000);
  entry.patience = milliseconds(5000);
  return entry;
}

class LedgerTest : public ::testing::Test {
 protected:
  LedgerTest()
      : root_(fs::temp_directory_path() / ("ledger-" + random_hex(6))), ledger_(*Ledger::open(root_)) {}
  ~LedgerTest() override { fs::remove_all(root_); }
  void put(const std::string& file, std::string_view text) const { std::ofstream(root_ / file) << text; }
  fs::path root_;
  Ledger ledger_;
};

TEST_F(LedgerTest, an_intent_and_an_identity_come_back_as_they_were) {
  auto entry = example();
  ASSERT_TRUE(ledger_.write(entry));
  auto read = ledger_.load();
  ASSERT_TRUE(read);
  ASSERT_EQ(read->entries.size(), 1U);
  EXPECT_EQ(read->entries[0], entry);
  EXPECT_FALSE(read->entries[0].identified());

  entry.keeper = {.pid = 50, .start_ticks = 10, .handle = 1};
  entry.leader = {.pid = 51, .start_ticks = 11, .handle = 0};
  entry.leaf_id = 12345;
  entry.session = 51;
  ASSERT_TRUE(ledger_.write(entry));
  read = ledger_.load();
  ASSERT_EQ(read->entries.size(), 1U);
  EXPECT_EQ(read->entries[0], entry);

  ASSERT_TRUE(ledger_.remove(entry.id));
  EXPECT_TRUE(ledger_.load()->entries.empty());
  EXPECT_TRUE(ledger_.remove(entry.id)) << "removing twice is no fault";
}

TEST_F(LedgerTest, an_entry_cut_off_anywhere_is_never_trusted) {
  auto entry = example();
  entry.keeper = {.pid = 50, .start_ticks = 10, .handle = 1};
  const std::string whole = encode(entry);
  for (std::size_t length = 0; length < whole.size(); ++length)
    EXPECT_FALSE(decode(std::string_view(whole).substr(0, length))) << length;
  EXPECT_TRUE(decode(whole));
}

TEST_F(LedgerTest, garbage_is_reported_and_kept_aside) {
  put("zeros", std::string(100, '\0'));
  put("empty", "");
  put("version", "holdfast-ledger 2\nend\n");
  put("big", std::string(200000, 'x'));
  put("text", "rm -rf /\n");
  const auto read = ledger_.load();
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->entries.empty());
  EXPECT_EQ(read->garbage.size(), 5U);
  EXPECT_TRUE(fs::exists(root_ / "zeros.bad"));
  EXPECT_TRUE(ledger_.load()->garbage.empty()) << "reported once";
}

TEST_F(LedgerTest, an_entry_under_the_name_of_another_is_garbage) {
  put("somebody-else", encode(example()));
  const auto read = ledger_.load();
  EXPECT_TRUE(read->entries.empty());
  EXPECT_EQ(read->garbage.size(), 1U);
}

// Reading one would wait for a writer, and with it every start.
TEST_F(LedgerTest, a_fifo_is_set_aside_like_any_garbage) {
  ASSERT_EQ(::mkfifo((root_ / "pipe").c_str(), 0600), 0);
  const auto read = ledger_.load();
  ASSERT_TRUE(read);
  EXPECT_EQ(read->garbage.size(), 1U);
  EXPECT_TRUE(fs::exists(root_ / "pipe.bad"));
}

// Found by faults at every call: one refused open made a good entry garbage, and its tree was never found
// again.
TEST_F(LedgerTest, what_cannot_be_read_for_now_stays) {
  fs::create_symlink("/proc/self/mem",
                     root_ / "broken");  // a regular file whose beginning gives an I/O error
  for (int i = 0; i < 2; ++i) {
    const auto read = ledger_.load();
    ASSERT_TRUE(read);
    EXPECT_EQ(read->unread.size(), 1U);
    EXPECT_TRUE(read->garbage.empty());
  }
}

TEST_F(LedgerTest, tells_whose_it_is_if_all_entries_agree) {
  EXPECT_EQ(ledger_.owner(), std::nullopt);
  auto entry = example();
  ASSERT_TRUE(ledger_.write(entry));
  put("garbage", "x");
  EXPECT_EQ(ledger_.owner(), entry.gateway_id);
  entry.id = "other-1";
  entry.gateway_id = "ffffffff";
  entry.tag = "ffffffff/other-1";
  ASSERT_TRUE(ledger_.write(entry));
  EXPECT_EQ(ledger_.owner(), std::nullopt);
}

TEST_F(LedgerTest, an_unfinished_write_is_forgotten) {
  ASSERT_TRUE(ledger_.write(example()));
  put("memory-0123456789.tmp", "holdfast-led");
  EXPECT_EQ(ledger_.load()->entries.size(), 1U);
  EXPECT_FALSE(fs::exists(root_ / "memory-0123456789.tmp"));
}

TEST_F(LedgerTest, a_full_disk_is_an_error_and_the_old_entry_stands) {
  auto entry = example();
  ASSERT_TRUE(ledger_.write(entry));
  fs::create_symlink("/dev/full", root_ / (entry.id + ".tmp"));
  entry.session = 3;
  const auto written = ledger_.write(entry);
  ASSERT_FALSE(written);
  EXPECT_TRUE(written.error().is_errno(ENOSPC)) << written.error().message();
  EXPECT_FALSE(fs::is_symlink(root_ / (entry.id + ".tmp"))) << "nothing is left of the attempt";
  EXPECT_EQ(ledger_.load()->entries.at(0).session, 0);
}

// What no writer makes is not trusted: a start would wait for it for ever, look for its leaf wherever we
// stand, or take a leader for one that has a keeper.
TEST(LedgerEntryText, with_values_that_no_writer_makes_is_refused) {
  auto entry = example();
  entry.keeper = {.pid = 50, .start_ticks = 10, .handle = 1};
  entry.leader = {.pid = 51, .start_ticks = 11, .handle = 0};
  const std::string good = encode(entry);
  ASSERT_TRUE(decode(good));
  const auto with = [&](std::string_view was, std::string_view is) {
    std::string text = good;
    return text.replace(text.find(was), was.size(), is);
  };
  EXPECT_FALSE(decode(with("patience_ms=5000", "patience_ms=9223372036854775807")));
  EXPECT_FALSE(decode(with("leaf=/sys", "leaf=sys")));
  EXPECT_FALSE(decode(with("keeper=50", "keeper=0")));
}

}  // namespace
}  // namespace holdfast::custody
