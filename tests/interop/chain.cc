#include "chain.h"

#include <signal.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <ostream>

#include "outer.h"

namespace holdfast::test {
namespace {

using custody::Rung;

constexpr const char* kServer = "chain";

constexpr std::pair<End, const char*> kEnds[] = {{End::client_ends, "client_ends"},
                                                 {End::shutdown, "shutdown"},
                                                 {End::gateway_killed, "gateway_killed"},
                                                 {End::wrapper_killed, "wrapper_killed"}};

std::string config_for(const Chain& chain, Rung rung, const std::string& home) {
  const std::vector<std::string> words(chain.command.begin() + 1, chain.command.end());
  return config_of({entry(kServer, chain.command.front(),
                          {"args: " + nlohmann::json(words).dump(), "cwd: " HOLDFAST_INTEROP_NODE,
                           std::string("isolation: ") + (rung == Rung::pidns ? "pidns" : "auto"),
                           "stop: { eof: 500ms, term: 500ms, lost: 500ms }",
                           "env: " + nlohmann::json({{"HOME", home},
                                                     {"TMPDIR", home},
                                                     {"MEMORY_FILE_PATH", home + "/memory.json"},
                                                     {"npm_config_logs_max", "0"},
                                                     {"npm_config_update_notifier", "false"}})
                                         .dump()})});
}

bool lives(const Kin& kin) { return running(kin.text).size() >= kin.least; }

}  // namespace

std::string name_of(const testing::TestParamInfo<ChainCase>& info) {
  const auto& [chain, rung, end] = info.param;
  const auto* named = std::ranges::find(kEnds, end, &std::pair<End, const char*>::first);
  return chain.name + "_" + std::string(to_string(rung)) + "_" + named->second;
}

void PrintTo(const ChainCase& one, std::ostream* out) { *out << name_of({one, 0}); }

std::vector<ChainCase> each_end_of(const std::vector<Chain>& chains) {
  std::vector<ChainCase> cases;
  for (const auto& chain : chains)
    for (const auto& [end, name] : kEnds) {
      // What ends without a cgroup's help proves most.
      std::vector<Rung> rungs{end == End::shutdown || end == End::wrapper_killed ? Rung::leaf : Rung::tree};
      if (std::getenv("HOLDFAST_MATRIX") != nullptr) rungs = {Rung::leaf, Rung::tree, Rung::pidns};
      for (const Rung rung : rungs) cases.emplace_back(chain, rung, end);
    }
  return cases;
}

void RealChain::SetUp() {
  Interop::SetUp();
  for (const auto& tool : chain().tools) HOLDFAST_NEEDS_PROGRAM(missing(tool));
  for (const auto& program : chain().programs) HOLDFAST_NEEDS_PROGRAM(missing_in_path(program));
  const Rung rung = std::get<Rung>(GetParam());
  gateway_ = std::make_unique<GatewayProcess>(config_for(chain(), rung, home_.path()), within(rung));
  ASSERT_TRUE(rung != Rung::tree || gateway_->offers(rung)) << gateway_->log();
  HOLDFAST_NEEDS(std::string(to_string(rung)), gateway_->offers(rung), "this machine does not offer it");
  client_ = std::make_unique<Bridge>(*gateway_, kServer);
  ASSERT_NO_FATAL_FAILURE(expect_answer());
  for (const auto& kin : chain().kin)
    ASSERT_TRUE(eventually([&] { return lives(kin); })) << kin.text << "\n" << to_string(living_servers());
  if (!chain().gone.empty())
    ASSERT_TRUE(eventually([&] { return running(chain().gone).empty(); })) << to_string(living_servers());
  ASSERT_NO_FATAL_FAILURE(expect_answer());
}

void RealChain::TearDown() {
  client_.reset();
  gateway_.reset();
  Interop::TearDown();
}

void RealChain::expect_answer() {
  const auto answer = client_->call("1", chain().call.tool, chain().call.arguments);
  ASSERT_NE(answer.find("\"result\""), std::string::npos) << answer << gateway_->log();
  ASSERT_EQ(answer.find("\"isError\":true"), std::string::npos) << answer;
}

// The whole chain: what lives besides the gateway and the client.
std::vector<pid_t> RealChain::tree() {
  std::vector<pid_t> found;
  for (const auto& living : living_servers())
    if (living.pid != gateway_->program().pid() && living.pid != client_->program().pid())
      found.push_back(living.pid);
  return found;
}

bool RealChain::all_gone(std::chrono::milliseconds limit) {
  return eventually([&] { return tree().empty(); }, limit);
}

// By a stranger; or whoever came to the keeper where the wrapper has left. What comes after it is another
// tree.
void RealChain::kill_the_wrapper() {
  const auto wrapper = leaders();
  ASSERT_GE(wrapper.size(), 1U);
  const auto before = tree();
  const auto handle = os::PidFd::open(wrapper.front());
  ASSERT_TRUE(handle && *handle->signal(SIGKILL));
  const auto replaced = [&] {
    const auto now = tree();
    return std::ranges::find_first_of(now, before) == now.end();
  };
  EXPECT_TRUE(eventually(replaced, patience(15s))) << to_string(living_servers());
  expect_answer();
}

void RealChain::ends() {
  switch (end()) {
    case End::client_ends:
      client_->program().close_stdin();
      EXPECT_TRUE(all_gone(patience(15s))) << to_string(living_servers());
      return;
    case End::shutdown:
      EXPECT_EQ(gateway_->cli({"shutdown"}, kPatience).exit.code, 0);
      EXPECT_TRUE(tree().empty()) << to_string(living_servers());
      return;
    case End::gateway_killed:
      gateway_->program().signal(SIGKILL);
      EXPECT_TRUE(all_gone(patience(10s))) << to_string(living_servers());
      return;
    case End::wrapper_killed:
      return kill_the_wrapper();
  }
}

void RealChain::comes_again() {
  if (end() == End::wrapper_killed) return;
  if (end() != End::client_ends) gateway_->start();
  client_ = std::make_unique<Bridge>(*gateway_, kServer);
}

}  // namespace holdfast::test
