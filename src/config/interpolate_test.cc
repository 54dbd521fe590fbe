#include "config/interpolate.h"

#include <gtest/gtest.h>

#include <array>

#include "config/testing.h"

namespace holdfast::config {
namespace {

struct Case {
  std::string_view text, expected, fault = {};
};

TEST(interpolate, forms) {
  for (const Case& c : {
           Case{"", ""},
           Case{"plain $5 $VAR $", "plain $5 $VAR $"},
           Case{"${TOKEN}", "s3cret"},
           Case{"Bearer ${TOKEN}!", "Bearer s3cret!"},
           Case{"${env:TOKEN}", "s3cret"},
           Case{"${EMPTY}", ""},
           Case{"${EMPTY:-x}", "x"},
           Case{"${NONE:-}", ""},
           Case{"${NONE:-a:-b}", "a:-b"},
           Case{"${NONE:-${TOKEN}}", "s3cret"},
           Case{"${env:NONE:-${ALSO:-deep}}", "deep"},
           Case{"${userHome}/x", "/home/me/x"},
           Case{"a${/}b${pathSeparator}c", "a/b/c"},
           Case{"$${TOKEN}", "${TOKEN}"},
           Case{"$$${TOKEN}", "$${TOKEN}"},
           Case{"${HOLDFAST_JOB:-x}", "x"},
           Case{"${NONE}", "", "the variable NONE is not set and has no default (${NONE:-value} gives one)"},
           Case{"${env:NONE}${B}", "",
                "the variable NONE is not set and has no default (${NONE:-value} gives one); "
                "the variable B is not set and has no default (${B:-value} gives one)"},
           Case{"x${TOKEN", "x", "a `${` is not closed; write `$${` for the characters themselves"},
           Case{"${input:key}", "",
                "`${input:key}` is no form that is read here (${VAR}, ${VAR:-default}, ${env:VAR}, "
                "${userHome}); write `$${` for the characters themselves"},
           Case{"${}", "",
                "`${}` is no form that is read here (${VAR}, ${VAR:-default}, ${env:VAR}, ${userHome}); "
                "write `$${` for the characters themselves"},
       }) {
    const Interpolated result = interpolate(c.text, testing::environment);
    EXPECT_EQ(result.text, c.expected) << c.text;
    EXPECT_EQ(result.fault, c.fault) << c.text;
  }
}

TEST(interpolate, a_value_is_not_expanded_again) {
  const auto odd = [](std::string_view) { return std::optional<std::string>("${OTHER}$${x}"); };
  EXPECT_EQ(interpolate("${A}", odd).text, "${OTHER}$${x}");
}

TEST(interpolate, nesting_is_bounded) {
  std::string deep = "x";
  for (int i = 0; i < 9; ++i) deep = "${NONE:-" + deep + "}";
  EXPECT_EQ(interpolate(deep, testing::environment).fault, "defaults are nested deeper than 8 levels");
}

TEST(interpolate, without_an_environment_nothing_is_set) {
  EXPECT_EQ(interpolate("${A:-b}", nullptr).text, "b");
  EXPECT_FALSE(interpolate("${A}", nullptr).fault.empty());
}

TEST(interpolate, a_run_brings_its_variables_later) {
  const RunValues run{"digest", "5d41", "2027-01-15T08:00:10Z"};
  for (const auto& [text, kept, expanded] : {
           std::array<std::string_view, 3>{"${HOLDFAST_JOB}", "${HOLDFAST_JOB}", "digest"},
           {"${env:HOLDFAST_JOB}", "${HOLDFAST_JOB}", "digest"},
           {"${HOLDFAST_JOB:-x}", "${HOLDFAST_JOB}", "digest"},
           {"${HOLDFAST_X:-${HOLDFAST_JOB}}", "${HOLDFAST_JOB}", "digest"},
           {"${UNSET:-a-${HOLDFAST_RUN:-${UNSET}}-b}", "a-${HOLDFAST_RUN}-b", "a-5d41-b"},
           {"${HOLDFAST_X:-x}", "x", "x"},
           {"$${HOLDFAST_JOB}", "$${HOLDFAST_JOB}", "${HOLDFAST_JOB}"},
           {"$${HOLDFAST_X:-y}", "$${HOLDFAST_X:-y}", "${HOLDFAST_X:-y}"},
           {"${TOKEN}-${HOLDFAST_JOB}", "s3cret-${HOLDFAST_JOB}", "s3cret-digest"},
           {"$${TOKEN}", "${TOKEN}", "${TOKEN}"},
       }) {
    const Interpolated first = interpolate(text, testing::environment, true);
    EXPECT_EQ(first.text, kept) << text;
    EXPECT_EQ(first.fault, "") << text;
    EXPECT_EQ(expand_run_variables(first.text, run), expanded) << text;
  }
  EXPECT_EQ(expand_run_variables("${HOLDFAST_JOB", run), "${HOLDFAST_JOB");
  EXPECT_EQ(expand_run_variables("${HOLDFAST_JOBS}", run), "${HOLDFAST_JOBS}");
}

TEST(interpolate, what_no_run_brings_is_said_with_what_it_brings) {
  EXPECT_EQ(interpolate("${HOLDFAST_URL}", testing::environment, true).fault,
            "the variable HOLDFAST_URL is not set and has no default, and a run brings only HOLDFAST_JOB, "
            "HOLDFAST_RUN, HOLDFAST_SCHEDULED_AT");
}

}  // namespace
}  // namespace holdfast::config
