// Other people's trees: launchers, helpers and servers as one meets them, each a real program that this
// machine has or else a test that says what is missing.
#pragma once

#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "custody/types.h"
#include "interop.h"

namespace holdfast::test {

struct Call {
  std::string tool, arguments;
};

struct Kin {
  std::string text;   // in the command line of
  std::size_t least;  // so many processes at least
};

struct Chain {
  std::string name;
  std::vector<std::string> tools{};     // of .tools/bin that it needs
  std::vector<std::string> programs{};  // of PATH
  std::vector<std::string> command;     // the whole of it; $HOME is the test's own folder
  Call call;                            // is answered
  std::vector<Kin> kin;                 // who lives when it has settled
  std::string gone{};                   // and who does not any more, by the same text
};

enum class End { client_ends, shutdown, gateway_killed, wrapper_killed };

using ChainCase = std::tuple<Chain, custody::Rung, End>;
void PrintTo(const ChainCase& one, std::ostream* out);
std::string name_of(const testing::TestParamInfo<ChainCase>& info);
// Every chain with every end: on every rung with HOLDFAST_MATRIX, else on one.
std::vector<ChainCase> each_end_of(const std::vector<Chain>& chains);

// A chain that has settled, with a client that had two calls of it answered.
class RealChain : public Interop, public testing::WithParamInterface<ChainCase> {
 protected:
  void SetUp() override;
  void TearDown() override;

  void expect_answer();
  // Plays the end of this case, and expects that nobody of the chain is left.
  void ends();
  [[nodiscard]] const Folder& home() const { return home_; }
  // Another client, of another gateway if this one has ended; after kill_the_wrapper() the same was served
  // already.
  void comes_again();

 private:
  [[nodiscard]] std::vector<pid_t> tree();
  [[nodiscard]] bool all_gone(std::chrono::milliseconds limit);
  void kill_the_wrapper();
  [[nodiscard]] const Chain& chain() const { return std::get<Chain>(GetParam()); }
  [[nodiscard]] End end() const { return std::get<End>(GetParam()); }

  Folder home_;
  std::unique_ptr<GatewayProcess> gateway_;
  std::unique_ptr<Bridge> client_;
};

}  // namespace holdfast::test
