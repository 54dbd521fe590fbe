#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/test_support.h"
#include "cli/cli.h"

namespace holdfast::cli {
namespace {

using Json = nlohmann::ordered_json;

// No socket, no HOME, no configuration.
struct JobNextTest : testing::Test {
  test::TempDir dir;
  std::ostringstream out, err;
  std::istringstream in;

  int run(std::vector<std::string> arguments) {
    out.str("");
    err.str("");
    return cli::run(std::move(arguments),
                    {.out = out,
                     .err = err,
                     .environment = [](std::string_view) { return std::optional<std::string>(); },
                     .in = in});
  }
};

TEST_F(JobNextTest, needs_no_gateway) {
  const auto next = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"job", "next", "--from", "2026-03-07T12:00:00Z"});
    return run(std::move(more));
  };
  EXPECT_EQ(next({"--schedule", "30 2 * * *", "--timezone", "America/New_York", "--count", "2", "--json"}), 0)
      << err.str();
  EXPECT_EQ(Json::parse(out.str())["next"], Json({"2026-03-08T03:00:00-04:00", "2026-03-09T02:30:00-04:00"}));
  EXPECT_EQ(
      next({"--schedule", "0 9 * * *", "--schedule", "30 9 * * *", "--timezone", "UTC", "--count", "3"}), 0);
  EXPECT_EQ(out.str(),
            "at 09:00 UTC\nat 09:30 UTC\n  2026-03-08T09:00:00Z\n  2026-03-08T09:30:00Z\n  "
            "2026-03-09T09:00:00Z\n");
  EXPECT_EQ(next({"--schedule", "0 25 * * *"}), 2);
  EXPECT_EQ(err.str(), "holdfast: hour 25 is out of range 0-23\n    0 25 * * *\n      ^ column 3\n");
  EXPECT_EQ(next({"--schedule", "0 5 * * *", "--timezone", "Europe/Berlln"}), 2);
  EXPECT_NE(err.str().find("did you mean Europe/Berlin?"), std::string::npos) << err.str();
  EXPECT_EQ(next({}), 2);
  EXPECT_EQ(run({"job", "next", "--schedule", "0 5 * * *", "--from", "yesterday"}), 2);

  const auto file = (dir.path() / "next.yaml").string();
  std::ofstream(file) << "jobs: {nightly-report: {schedule: H H * * *, timezone: UTC, command: [x]}}\n";
  EXPECT_EQ(next({"nightly-report", "--config", file, "--count", "1", "--json"}), 0) << err.str();
  EXPECT_EQ(Json::parse(out.str())["next"], Json({"2026-03-07T12:28:00Z"}));
  EXPECT_EQ(next({"other", "--config", file}), 1);
}

TEST_F(JobNextTest, answers_a_request_a_line) {
  in.str(R"({"schedule":"H H * * *","timezone":"UTC","from":"2026-01-01T00:00:00Z","count":1,"seed":"backup"}
{"schedule":["0 9 * * *","every 12h"],"timezone":"UTC","from":"2026-01-01T00:00:00.5Z","count":2}
{"schedule":"0 0 31 2 *"}
{"schedule":"0 0 1 1 *","timezone":"Mars/Base"}
{"schedule":7}
[
)");
  EXPECT_EQ(run({"job", "next", "--batch"}), 0) << err.str();
  std::vector<Json> answers;
  std::istringstream lines(out.str());
  for (std::string line; std::getline(lines, line);) answers.push_back(Json::parse(line));
  ASSERT_EQ(answers.size(), 6U) << out.str();
  EXPECT_EQ(answers[0], Json({{"next", {"2026-01-01T22:25:00Z"}}}));
  EXPECT_EQ(answers[1], Json({{"next", {"2026-01-01T09:00:00Z", "2026-01-01T12:00:00Z"}}}));
  EXPECT_EQ(answers[2]["column"], 5);
  EXPECT_EQ(answers[3]["column"], Json());
  for (std::size_t i = 2; i < 6; ++i) EXPECT_NE(answers[i]["error"], "") << i;
}

}  // namespace
}  // namespace holdfast::cli
