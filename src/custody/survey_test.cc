#include "custody/survey.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>

#include "os/process.h"

namespace holdfast::custody {
namespace {

constexpr const char* kNoKeeper = "/nonexistent/holdfast-keeper";

const Finding& found(const Survey& survey, std::string_view name) {
  const auto at = std::ranges::find(survey.findings, name, &Finding::name);
  if (at == survey.findings.end()) throw std::invalid_argument(std::string(name));
  return *at;
}

const Guarantee& told(const std::vector<Guarantee>& rows, std::string_view event) {
  const auto at = std::ranges::find(rows, event, &Guarantee::event);
  if (at == rows.end()) throw std::invalid_argument(std::string(event));
  return *at;
}

bool says(const std::string& text, std::string_view part) { return text.find(part) != text.npos; }

TEST(Survey, what_is_not_there_says_why_and_what_is_there_asks_for_nothing) {
  const Survey survey =
      custody::survey(kNoKeeper, {.booted_by_systemd = true, .service = false, .root = true});
  EXPECT_EQ(survey.rungs.rung, Rung::tree);
  EXPECT_FALSE(found(survey, "cgroup leaf").there);
  EXPECT_TRUE(says(found(survey, "PID namespace").detail, "No such file"))
      << found(survey, "PID namespace").detail;
  for (const auto& finding : survey.findings) {
    EXPECT_FALSE(finding.detail.empty()) << finding.name;
    EXPECT_EQ(finding.raise.empty(), finding.there) << finding.name << ": " << finding.raise;
  }
}

TEST(Survey, the_command_that_raises_is_one_for_this_place_and_user) {
  const auto raise = [](const char* name, Surroundings around) {
    return found(custody::survey(kNoKeeper, around), name).raise;
  };
  const Surroundings user{.booted_by_systemd = true, .service = false, .root = false};
  const Surroundings root{.booted_by_systemd = true, .service = false, .root = true};
  EXPECT_EQ(raise("service manager", user), "systemctl --user enable --now holdfast");
  EXPECT_EQ(raise("service manager", root), "systemctl enable --now holdfast");
  EXPECT_EQ(raise("service manager", {.booted_by_systemd = true, .service = true, .root = false}), "");
  EXPECT_EQ(raise("service manager", {}), "a machine that systemd has booted");
  EXPECT_EQ(raise("ordinary user", user), "");
  EXPECT_TRUE(says(raise("ordinary user", root), "useradd --system --home-dir /var/lib/holdfast"));
}

TEST(Survey, only_what_systemd_started_runs_a_unit) { EXPECT_FALSE(runs_a_unit(os::own_pid())); }

// The two that a unit must not be credited with, and the one that it is for.
TEST(Guarantees, no_rung_is_credited_with_anothers) {
  constexpr std::string_view kStroke = "gateway and keeper are killed in one stroke";
  constexpr std::string_view kUser = "a member becomes another user's (setuid)";
  for (const auto rung : {Rung::tree, Rung::leaf}) {
    EXPECT_TRUE(says(told(guarantees(rung, false), kStroke).servers, "stays until the next start"));
    EXPECT_TRUE(says(told(guarantees(rung, true), kStroke).servers, "gone: systemd"));
    EXPECT_TRUE(says(told(guarantees(rung, false), kStroke).in_pidns, "gone at once"));
  }
  EXPECT_TRUE(says(told(guarantees(Rung::leaf, false), kUser).servers, "gone"));
  for (const bool service : {false, true})
    EXPECT_TRUE(says(told(guarantees(Rung::tree, service), kUser).servers, "may stay"));
}

// What `status` says, in the words of doctor's table: of a service manager only where one stands guard.
TEST(Guarantees, in_short_is_no_more_than_the_table) {
  constexpr std::string_view kStroke = "gateway and keeper are killed in one stroke";
  for (const auto rung : {Rung::tree, Rung::leaf})
    for (const bool service : {false, true}) {
      const auto text = guarantee_in_short(rung, service);
      EXPECT_TRUE(says(text, told(guarantees(rung, service), kStroke).servers)) << text;
      EXPECT_EQ(says(text, "systemd"), service) << text;
    }
}

TEST(Guarantees, every_rung_has_a_sentence_for_the_same_events) {
  const auto tree = guarantees(Rung::tree, false), leaf = guarantees(Rung::leaf, true);
  ASSERT_TRUE(std::ranges::equal(tree, leaf, {}, &Guarantee::event, &Guarantee::event));
  for (const auto* rows : {&tree, &leaf}) {
    for (const auto& row : *rows) EXPECT_FALSE(row.servers.empty() || row.in_pidns.empty()) << row.event;
  }
}

}  // namespace
}  // namespace holdfast::custody
