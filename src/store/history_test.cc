#include "store/history.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/test_support.h"

namespace holdfast::store {
namespace {

using namespace std::chrono_literals;
const SystemTime kNow = SystemTime(1'800'000'000s);

class HistoryTest : public ::testing::Test {
 protected:
  std::unique_ptr<History> open(std::string owner, Retention keep = {}) {
    auto opened = History::open(dir.path() / "holdfast.db", std::move(owner), keep);
    EXPECT_TRUE(opened) << opened.error().message();
    return std::move(*opened);
  }
  template <class T>
  T get(asio::awaitable<Result<T>> task) {
    auto r = test::wait_for(loop, std::move(task));
    EXPECT_TRUE(r) << r.error().message();
    return std::move(r.value());
  }
  void done(asio::awaitable<Result<void>> task) {
    auto r = test::wait_for(loop, std::move(task));
    EXPECT_TRUE(r) << r.error().message();
  }
  ClaimRequest claim_of(std::int64_t job, SystemTime at, std::string run) {
    return {.job_id = job, .at = at, .run_id = run, .log_path = (dir.path() / (run + ".log")).native()};
  }
  test::TempDir dir;
  asio::io_context loop;
};

TEST_F(HistoryTest, claimed_occurrence_is_claimed_at_most_once) {
  auto one = open("one");
  auto two = open("two");
  const auto jobs = get(one->register_jobs({{"a", "s"}}, kNow));
  EXPECT_EQ(get(one->claim({claim_of(jobs[0].id, kNow, "r1")}, kNow)), std::vector<bool>{true});
  EXPECT_EQ(get(two->claim({claim_of(jobs[0].id, kNow, "r2")}, kNow)), std::vector<bool>{false});
  EXPECT_EQ(get(one->list("a", 10)).size(), 1U);
}

TEST_F(HistoryTest, open_rows_of_an_earlier_owner_become_interrupted) {
  {
    auto one = open("one");
    const auto jobs = get(one->register_jobs({{"a", "s"}}, kNow));
    get(one->claim({claim_of(jobs[0].id, kNow, "r1"), claim_of(jobs[0].id, kNow + 1s, "r2")}, kNow));
    done(one->start_run("r1", kNow));
  }
  auto two = open("two");
  EXPECT_EQ(get(two->interrupt_open(kNow + 5s)), 2);
  EXPECT_EQ(get(two->get("r1")).state, "interrupted");
  EXPECT_EQ(get(two->interrupt_open(kNow + 5s)), 0);
}

TEST_F(HistoryTest, cursor_follows_claims_and_a_changed_schedule_sets_it_to_now) {
  auto history = open("one");
  auto jobs = get(history->register_jobs({{"a", "every 10s"}}, kNow));
  EXPECT_EQ(jobs[0].cursor, kNow);
  get(history->claim({claim_of(jobs[0].id, kNow + 10s, "r1")}, kNow + 10s));
  EXPECT_EQ(get(history->register_jobs({{"a", "every 10s"}}, kNow + 20s))[0].cursor, kNow + 10s);
  EXPECT_EQ(get(history->register_jobs({{"a", "every 30s"}}, kNow + 25s))[0].cursor, kNow + 25s);
}

TEST_F(HistoryTest, a_job_that_was_removed_comes_back_with_its_cursor_now) {
  auto history = open("one");
  const auto id = get(history->register_jobs({{"a", "s"}, {"b", "s"}}, kNow))[0].id;
  EXPECT_EQ(get(history->register_jobs({{"b", "s"}}, kNow + 1s))[0].cursor, kNow);
  const auto back = get(history->register_jobs({{"a", "s"}, {"b", "s"}}, kNow + 9s));
  EXPECT_EQ(back[0].id, id);
  EXPECT_EQ(back[0].cursor, kNow + 9s);
  EXPECT_EQ(back[1].cursor, kNow);
  EXPECT_EQ(get(history->register_jobs({{"a", "s"}, {"b", "s"}}, kNow + 20s))[0].cursor, kNow + 9s);
}

TEST_F(HistoryTest, a_claim_that_was_not_answered_is_settled_whether_it_is_on_disk_or_not) {
  auto history = open("one");
  const auto id = get(history->register_jobs({{"a", "s"}}, kNow))[0].id;
  get(history->claim({claim_of(id, kNow + 1s, "on-disk"), claim_of(id, kNow + 2s, "started")}, kNow));
  done(history->start_run("started", kNow));
  std::vector<ClaimRequest> again{claim_of(id, kNow + 1s, "on-disk"), claim_of(id, kNow + 2s, "started"),
                                  claim_of(id, kNow + 3s, "nowhere")};
  for (ClaimRequest& request : again) {
    request.state = "missed";
    request.reason = "no answer";
  }
  for (int twice = 0; twice < 2; ++twice) {
    get(history->claim(again, kNow));
    std::string rows;
    for (const RunRow& row : get(history->list("a", 10)))
      rows += row.id + "=" + row.state + "(" + row.reason + ") ";
    EXPECT_EQ(rows, "occurrence-3=missed(no answer) started=running() on-disk=missed(no answer) ");
  }
  EXPECT_EQ(get(history->register_jobs({{"a", "s"}}, kNow + 9s))[0].cursor, kNow + 3s);
}

TEST_F(HistoryTest, retention_keeps_the_last_success_and_failure) {
  auto history = open("one", {.runs = 3});
  const auto id = get(history->register_jobs({{"a", "s"}}, kNow))[0].id;
  for (int i = 0; i < 10; ++i) {
    const std::string run = "r" + std::to_string(i);
    const SystemTime at = kNow + std::chrono::seconds(i);
    get(history->claim({claim_of(id, at, run)}, at));
    std::ofstream(dir.path() / (run + ".log")) << "x";
    done(history->start_run(run, at));
    done(history->finish_run({.run_id = run,
                              .state = i == 0   ? "ok"
                                       : i == 1 ? "failed"
                                                : "cancelled",
                              .ended_at = at}));
  }
  std::string left;
  for (const RunRow& row : get(history->list("a", 100))) left += row.id + " ";
  EXPECT_EQ(left, "r9 r8 r7 r1 r0 ");
  EXPECT_TRUE(std::filesystem::exists(dir.path() / "r0.log"));
  EXPECT_FALSE(std::filesystem::exists(dir.path() / "r4.log"));
}

TEST_F(HistoryTest, a_finished_run_says_what_happened) {
  auto history = open("one");
  const auto id = get(history->register_jobs({{"a", "s"}}, kNow))[0].id;
  get(history->claim(
      {claim_of(id, kNow, "r1"), {.job_id = id, .at = kNow + 1s, .state = "missed", .count = 7}}, kNow));
  done(history->start_run("r1", kNow));
  done(history->finish_run(
      {.run_id = "r1", .state = "failed", .reason = "exit 3", .result = "{}", .ended_at = kNow, .exit = 3}));
  const RunRow row = get(history->get("r1"));
  EXPECT_EQ(row.state, "failed");
  EXPECT_EQ(row.reason, "exit 3");
  EXPECT_EQ(row.exit, 3);
  const auto rows = get(history->list("a", 10));
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].state, "missed");
  EXPECT_EQ(rows[0].count, 7);
  EXPECT_TRUE(test::wait_for(loop, history->get("nope")).error().is(Errc::not_found));
}

}  // namespace
}  // namespace holdfast::store
