#include "gateway/policy.h"

#include <gtest/gtest.h>

namespace holdfast::gateway {
namespace {

using namespace std::chrono_literals;
using Verdict = RestartBudget::Verdict;

const config::RestartPolicy kPolicy{.budget = 3, .per = 600s, .backoff_min = 1s, .backoff_max = 4s};

TEST(RestartBudget, starts_at_once_after_the_first_failure_and_later_after_the_backoff) {
  RestartBudget budget(kPolicy);
  const SteadyTime t0{1h};
  EXPECT_EQ(budget.ask(t0).verdict, Verdict::go);
  budget.failed(t0);
  EXPECT_EQ(budget.ask(t0).verdict, Verdict::go);
  budget.failed(t0 + 1s);
  EXPECT_EQ(budget.ask(t0 + 1s).verdict, Verdict::backoff);
  EXPECT_EQ(budget.ask(t0 + 1s).until, t0 + 2s);
  EXPECT_EQ(budget.ask(t0 + 2s).verdict, Verdict::go);
  budget.failed(t0 + 2s);
  EXPECT_EQ(budget.ask(t0 + 2s).until, t0 + 4s);
}

TEST(RestartBudget, parks_beyond_the_budget_until_the_window_is_quiet) {
  RestartBudget budget(kPolicy);
  const SteadyTime t0{1h};
  for (int i = 0; i < 4; ++i) budget.failed(t0 + i * 10s);
  EXPECT_EQ(budget.ask(t0 + 40s).verdict, Verdict::parked);
  EXPECT_EQ(budget.ask(t0 + 40s).until, t0 + 30s + 600s);
  EXPECT_EQ(budget.ask(t0 + 615s).verdict, Verdict::parked);  // the first of them is old by then
  EXPECT_EQ(budget.ask(t0 + 630s).verdict, Verdict::go);
}

TEST(RestartBudget, the_backoff_is_capped) {
  config::RestartPolicy policy = kPolicy;
  policy.budget = 50;
  RestartBudget budget(policy);
  const SteadyTime t0{1h};
  for (int i = 0; i < 40; ++i) budget.failed(t0);
  EXPECT_EQ(budget.ask(t0).until, t0 + 4s);
}

}  // namespace
}  // namespace holdfast::gateway
