// A browser behind its server (L35): with the tree it is gone, whatever detached, and whoever comes next has
// its profile at once.
#include <filesystem>

#include "chain.h"

namespace holdfast::test {
namespace {

class RealBrowser : public RealChain {
 protected:
  void SetUp() override {
    HOLDFAST_NEEDS("browser", missing_in_path("chromium").empty(),
                   missing_in_path("chromium") + ": scripts/setup-browser.sh installs it");
    RealChain::SetUp();
  }
  // A number that who has the profile has drawn (the lock has its pid, which in a namespace is always the
  // same).
  [[nodiscard]] std::string owner() const {
    std::error_code nobody;
    return std::filesystem::read_symlink(home().path() / "profile/SingletonCookie", nobody).string();
  }
};

TEST_P(RealBrowser, L35_is_gone_and_its_profile_is_free_at_once) {
  const auto first = owner();
  ASSERT_FALSE(first.empty());
  ASSERT_NO_FATAL_FAILURE(ends());
  comes_again();
  expect_answer();
  EXPECT_FALSE(owner().empty());
  EXPECT_NE(owner(), first);
}

// The server leads its tree, so that who kills the wrapper kills the server alone. Root's browser has no
// sandbox of its own: a renderer in one would be no less a descendant.
const std::vector<Chain> kBrowsers{
    {.name = "playwright_chromium",
     .tools = {"playwright-mcp"},
     .programs = {"chromium"},
     .command = {"sh", "-c",
                 "exec playwright-mcp --headless --no-sandbox --browser chromium --executable-path "
                 "\"$(command -v chromium)\" --user-data-dir ~/profile --output-dir ~/output"},
     .call = {"browser_navigate", R"({"url":"data:text/html,<title>kelp</title>grips the rock"})"},
     .kin = {{"--type=renderer", 1}, {"--type=zygote", 2}, {"chrome_crashpad_handler", 1}}},
};

INSTANTIATE_TEST_SUITE_P(Chromium, RealBrowser, testing::ValuesIn(each_end_of(kBrowsers)), name_of);

}  // namespace
}  // namespace holdfast::test
