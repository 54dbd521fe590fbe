// L38: a number comes back as somebody who has nothing to do with it, and nobody lays a hand on them. Some
// hundred tries by chance; with HOLDFAST_MATRIX=1 ten thousand. HOLDFAST_SEED chooses others.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <regex>

#include "needs.h"
#include "runs.h"

namespace holdfast::faults {
namespace {

bool whole_matrix() { return std::getenv("HOLDFAST_MATRIX") != nullptr; }
const int kTries = whole_matrix() ? 100 : 80;  // of one world

struct World {
  std::string rung;
  unsigned number = 1;
  friend void PrintTo(const World& world, std::ostream* out) { *out << world.rung << " " << world.number; }
};
std::vector<World> worlds() {
  const unsigned count = whole_matrix() ? 34 : 1;
  std::vector<World> all;
  for (unsigned number = 1; number <= count; ++number)
    for (const char* rung : {"tree", "leaf", "pidns"}) all.push_back({.rung = rung, .number = number});
  return all;
}
unsigned seed_of(const World& world) {
  const char* text = std::getenv("HOLDFAST_SEED");
  return (text != nullptr ? static_cast<unsigned>(std::atoi(text)) : 1U) * 1000 + world.number;
}

class Reuse : public ::testing::TestWithParam<World> {};
INSTANTIATE_TEST_SUITE_P(Rungs, Reuse, ::testing::ValuesIn(worlds()), [](const auto& info) {
  return info.param.rung + "_" + std::to_string(info.param.number);
});

TEST_P(Reuse, L38_an_innocent_on_a_number_that_came_back_survives) {
  const auto& world = GetParam();
  const auto outcome =
      run_one({world.rung, std::to_string(seed_of(world)), std::to_string(kTries)}, "reuse_run");
  HOLDFAST_NEEDS(world.rung == "leaf" ? "leaf" : "pidns", outcome.status != 77, "no world: " + outcome.said);
  ASSERT_EQ(outcome.status, 0) << command_line(outcome.words, "reuse_run") << "\n" << outcome.said;
  std::cout << outcome.said << std::flush;
  std::smatch numbers;
  ASSERT_TRUE(std::regex_search(outcome.said, numbers, std::regex("innocents (\\d+) same_tick (\\d+)")));
  EXPECT_GE(std::stoi(numbers[1]), 2 * kTries) << "too few numbers came back: this shows little";
  EXPECT_GE(std::stoi(numbers[2]), kTries / 10) << "too few in the same tick: this shows little";
}

}  // namespace
}  // namespace holdfast::faults
