// I7 and its relatives, at every instruction. The points are listed by a run that passes them; a sample of
// them is visited, or, with HOLDFAST_MATRIX=1, each. HOLDFAST_SEED chooses another sample.
#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <random>
#include <set>
#include <sstream>

#include "needs.h"
#include "runs.h"

namespace holdfast::faults {
namespace {

using Words = std::vector<std::string>;

constexpr double kMissable =
    0.05;  // of the runs may pass by their point: threads wake each other as they come

bool whole_matrix() { return std::getenv("HOLDFAST_MATRIX") != nullptr; }
int enough_bad() { return whole_matrix() ? 50 : 2; }  // failures that are shown
unsigned seed() {
  const char* text = std::getenv("HOLDFAST_SEED");
  return text != nullptr ? static_cast<unsigned>(std::atoi(text)) : 1;
}

struct Listed {
  std::string point, call, keeper;
  std::vector<std::string> errors;
  bool looks_up = false;
};

std::vector<Listed> parse(const std::string& text) {
  std::vector<Listed> points;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    Listed listed;
    std::string errors;
    std::string looks_up;
    words >> listed.point >> listed.call >> listed.keeper >> errors >> looks_up;
    listed.looks_up = looks_up == "yes";
    std::istringstream numbers(errors == "-" ? "" : errors);
    for (std::string number; std::getline(numbers, number, ',');) listed.errors.push_back(number);
    points.push_back(std::move(listed));
  }
  return points;
}

struct Where {
  std::string rung, scene;
  friend void PrintTo(const Where& where, std::ostream* out) { *out << where.rung << " " << where.scene; }
};

class Faults : public ::testing::TestWithParam<Where> {
 protected:
  void SetUp() override {
    const auto& [rung, scene] = GetParam();
    const auto outcome = run_one({rung, scene, "list"});
    HOLDFAST_NEEDS(rung == "leaf" ? "leaf" : "pidns", outcome.status != 77,
                   "no world for a run: " + outcome.said);
    const auto again = run_one({rung, scene, "list"});
    ASSERT_EQ(outcome.status, 0) << outcome.said;
    ASSERT_EQ(again.status, 0) << again.said;
    points_ = parse(outcome.said);
    // What only one of them passes is a wait that looked around once more.
    std::set<std::string> both;
    for (const auto& listed : parse(again.said)) both.insert(listed.point);
    std::erase_if(points_, [&](const Listed& listed) { return !both.contains(listed.point); });
    ASSERT_GT(points_.size(), 100U);
  }

  [[nodiscard]] Words words(const std::string& fault, const std::string& point) const {
    return {GetParam().rung, GetParam().scene, fault, point};
  }
  // Evenly over the list, from a random start.
  static std::vector<Words> sample(const std::vector<Words>& all, std::size_t most) {
    if (whole_matrix() || all.size() <= most) return all;
    std::mt19937 random(seed());
    const double stride = static_cast<double>(all.size()) / static_cast<double>(most);
    const double start = std::uniform_real_distribution<double>(0, stride)(random);
    std::vector<Words> chosen;
    chosen.reserve(most);
    for (std::size_t i = 0; i < most; ++i)
      chosen.push_back(
          all[std::min(all.size() - 1, static_cast<std::size_t>(start + static_cast<double>(i) * stride))]);
    return chosen;
  }

  // Of rung pidns, which differs in the keeper's part only, fewer.
  void visit(const std::vector<Words>& all, std::size_t most, unsigned at_once = 0,
             double missable_share = kMissable) {
    const auto chosen = sample(all, GetParam().rung == "pidns" ? std::max<std::size_t>(most / 6, 3) : most);
    ASSERT_FALSE(chosen.empty());
    if (at_once == 0) at_once = whole_matrix() ? 8 : 4;
    auto outcomes = run_all(chosen, at_once, enough_bad());
    // Whoever passed by its point tries once more.
    std::vector<Words> again;
    std::erase_if(outcomes, [&](const Outcome& outcome) {
      if (outcome.status == 3) again.push_back(outcome.words);
      return outcome.status == 3;
    });
    std::ranges::move(run_all(again, at_once, enough_bad()), std::back_inserter(outcomes));
    int missed = 0, bad = 0, longest = 0;
    for (const auto& outcome : outcomes) {
      if (const auto at = outcome.said.rfind("took "); at != outcome.said.npos)
        longest = std::max(longest, std::atoi(outcome.said.c_str() + at + 5));
      missed += outcome.status == 3 ? 1 : 0;
      if (outcome.status == 0 || outcome.status == 3) continue;
      ++bad;
      ADD_FAILURE() << command_line(outcome.words) << " (status " << outcome.status << ")\n" << outcome.said;
    }
    std::cout << "points " << points_.size() << ", faults " << all.size() << ", runs " << outcomes.size()
              << ", not reached " << missed << ", bad " << bad << ", gone in " << longest
              << " ms at most, seed " << seed() << std::endl;
    const auto missable = std::max(4.0, missable_share * static_cast<double>(outcomes.size()));
    EXPECT_LE(missed, missable) << "the list does not say what the runs pass";
  }

  void kill(const std::string& whom, std::size_t most) {
    std::vector<Words> all;
    for (const auto& listed : points_)
      if (whom == "gateway" || listed.keeper != "-") all.push_back(words("kill-" + whom, listed.point));
    visit(all, most);
  }
  [[nodiscard]] std::vector<Words> errors(const std::string& how) const {
    std::vector<Words> all;
    for (const auto& listed : points_)
      for (const auto& error : listed.errors) all.push_back(words(how + "-" + error, listed.point));
    return all;
  }

  std::vector<Listed> points_;
};
std::vector<Where> places() {
  std::vector<Where> all{
      {"tree", "life"}, {"tree", "recovery"}, {"leaf", "life"}, {"leaf", "recovery"}, {"pidns", "life"}};
  if (whole_matrix()) all.push_back({"pidns", "recovery"});  // the stroke has left nobody
  return all;
}
INSTANTIATE_TEST_SUITE_P(Everywhere, Faults, ::testing::ValuesIn(places()),
                         [](const auto& info) { return info.param.rung + "_" + info.param.scene; });

// Nothing is left: the keepers see to it.
TEST_P(Faults, I7_gateway_killed_at_any_instruction) { kill("gateway", 24); }

// Nothing is left, no other tree is harmed, and the gateway goes on.
TEST_P(Faults, I7_keeper_killed_at_any_instruction) { kill("keeper", 24); }

// The next start ends what is left.
TEST_P(Faults, I7_both_killed_in_one_stroke_at_any_instruction) { kill("both", 48); }

// Full, read-only and broken disks, no descriptors, no processes: nothing is left, nobody else is harmed, and
// the gateway goes on or says why it does not.
TEST_P(Faults, any_call_that_can_fail_fails) { visit(errors("fail"), 32); }

// The same, but it lasts: each such call of the process fails for a while.
TEST_P(Faults, from_any_call_on_a_shortage_lasts) { visit(errors("lack"), 16); }

// Between the reading of a number and the handle that it is opened for, it changes hands.
TEST_P(Faults, L38_a_number_that_is_looked_up_has_become_an_innocents) {
  std::vector<Words> all;
  for (const auto& listed : points_)
    if (listed.looks_up) all.push_back(words("reuse", listed.point));
  visit(all, 24);
}

// Ten seconds each, so only few of them, all at once: they sleep. In the whole matrix every eighth point.
TEST_P(Faults, L28_either_is_stopped_for_ten_seconds) {
  std::vector<Words> all;
  for (const char* whom : {"gateway", "keeper"})
    for (std::size_t i = 0; i < points_.size(); i += 8)
      if (points_[i].keeper != "-") all.push_back(words(std::string("stop-") + whom, points_[i].point));
  visit(all, 12, 12);
}

// In each step, by an hour to and fro. Nobody waits by the wall clock.
TEST_P(Faults, L51_the_wall_clock_is_set) {
  std::set<std::string> steps;
  for (const auto& listed : points_) steps.insert(listed.point.substr(0, listed.point.find('/')));
  std::vector<Words> all;
  for (const auto& step : steps)
    for (const char* by : {"clock+3600", "clock-3600"}) all.push_back(words(by, step + "/g/1"));
  visit(all, all.size());
}

// Found here: no thread or no pipe for SIGCHLD ended it by an exception; with an unread boot id it took the
// entries of the living for another boot's.
TEST_P(Faults, a_gateway_that_cannot_have_what_it_needs_for_itself_says_so) {
  std::vector<Words> all;
  for (const auto& listed : points_) {
    if (!listed.point.starts_with("open/g/") && !listed.point.starts_with("recover/g/")) continue;
    if (listed.call == "pipe2" || listed.call == "openat") all.push_back(words("fail-24", listed.point));
    if (listed.call == "clone3") all.push_back(words("fail-11", listed.point));
  }
  ASSERT_GE(all.size(), 3U);
  visit(all, all.size(), 0, 0.5);  // before them a leaf is rehearsed, and looked at as often as it takes
}

TEST_P(Faults, the_disk_of_stderr_is_full) { visit({{GetParam().rung, GetParam().scene, "full-log"}}, 1); }

// The negative control of the rule that nobody waits by the wall clock.
TEST(Controls, who_waits_by_the_wall_clock_is_found) {
  const auto outcome = run_one({"tree", "doze", "clock-3600", "doze/g/1"});
  HOLDFAST_NEEDS("pidns", outcome.status != 77, "no world for a run: " + outcome.said);
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.said, ::testing::HasSubstr("waits by the wall clock"));
}

}  // namespace
}  // namespace holdfast::faults
