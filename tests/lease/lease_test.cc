// Random schedules of acquire, release, crash and time against the reference model of world.h. A schedule
// that fails is shrunk until every operation left is needed, and printed with its seed.
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <numeric>
#include <random>

#include "base/log.h"
#include "world.h"

namespace holdfast::test {
namespace {

using Schedule = std::vector<Op>;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#elif __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

std::uint64_t number_of(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

// How often each operation comes, in the order of Op::Kind.
constexpr std::array<unsigned, Op::kinds> kWeights{12, 10, 14, 3, 6, 14, 1, 14, 1, 8, 3, 1, 10, 1, 1, 7, 1};

Schedule schedule_of(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto below = [&](unsigned most) { return static_cast<unsigned>(random() % most); };
  const unsigned total = std::accumulate(kWeights.begin(), kWeights.end(), 0U);
  Schedule schedule(6 + below(25));
  for (Op& op : schedule) {
    unsigned at = below(total), kind = 0;
    while (at >= kWeights[kind]) at -= kWeights[kind++];
    const int turns = below(3) == 0 ? static_cast<int>(below(6)) : -1;
    op = {static_cast<Op::Kind>(kind), below(6), below(10), turns};
  }
  return schedule;
}

// What is wrong with it; empty: nothing.
std::string fault_of(const Schedule& schedule, const TempDir& logs) {
  World world(logs.path());
  for (const Op& op : schedule) world.step(op);
  world.end();
  return world.fault();
}

// The same fault with as few operations as can be, each followed by quiet where that does.
Schedule shrunk(Schedule schedule, const TempDir& logs) {
  const auto fails = [&](const Schedule& each) { return !fault_of(each, logs).empty(); };
  for (std::size_t piece = schedule.size(); piece > 0; piece /= 2) {
    for (std::size_t at = 0; at + piece <= schedule.size();) {
      Schedule shorter = schedule;
      const auto from = shorter.begin() + static_cast<std::ptrdiff_t>(at);
      shorter.erase(from, from + static_cast<std::ptrdiff_t>(piece));
      if (fails(shorter))
        schedule = std::move(shorter);
      else
        at += piece;
    }
  }
  for (std::size_t i = 0; i < schedule.size(); ++i) {
    Schedule quieter = schedule;
    quieter[i].turns = -1;
    if (fails(quieter)) schedule = std::move(quieter);
  }
  return schedule;
}

std::string text_of(const Schedule& schedule) {
  std::string text;
  for (const Op& op : schedule) text += "  " + to_string(op) + ",\n";
  return text;
}

TEST(Leases, keep_to_the_reference_model_under_every_schedule) {
  log::configure(std::getenv("HOLDFAST_LEASE_LOG") != nullptr ? log::Level::debug : log::Level::error,
                 log::Format::text);
  const TempDir logs;
  const bool whole = std::getenv("HOLDFAST_MATRIX") != nullptr;
  const auto first = number_of("HOLDFAST_LEASE_SEED", 1);
  const auto count = number_of("HOLDFAST_LEASE_SCHEDULES", whole ? 100'000 : kSanitized ? 1'000 : 5'000);
  for (auto seed = first; seed < first + count; ++seed) {
    const auto fault = fault_of(schedule_of(seed), logs);
    if (fault.empty()) continue;
    const auto least = shrunk(schedule_of(seed), logs);
    FAIL() << "seed " << seed << ": " << fault << "\nshrunk: " << fault_of(least, logs) << "\n"
           << text_of(least);
  }
}

}  // namespace
}  // namespace holdfast::test
