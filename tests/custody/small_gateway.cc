// A gateway that does nothing but hold trees, to be killed: STATE KEEPER leaf|tree|pidns COUNT PROGRAM [ARG
// …]. Makes STATE/ready once all run (or did not start).
#include <stdlib.h>
#include <unistd.h>

#include <fstream>

#include "custody/custodian.h"

namespace holdfast::custody {
namespace {

asio::awaitable<void> start_one(Custodian& custodian, TreeSpec spec, int& left, std::string state) {
  const auto tree = co_await custodian.start(std::move(spec));
  if (!tree) std::ofstream(state + "/failed") << tree.error().message();
  if (--left == 0) std::ofstream(state + "/ready") << ::getpid();
}

asio::awaitable<void> live(Custodian& custodian, TreeSpec spec, int& left, std::string state,
                           TaskGroup& group) {
  (void)co_await custodian.recover();
  for (int i = left; i > 0; --i) group.spawn("start", start_one(custodian, spec, left, state));
}

int hold(char** argv) {
  asio::io_context loop;
  CustodianOptions options;
  options.state_dir = argv[1];
  options.keeper = argv[2];
  options.allow_leaf = std::string_view(argv[3]) != "tree";
  options.pidns = std::string_view(argv[3]) == "pidns";
  auto custodian = Custodian::open(loop, options);
  if (!custodian) return 1;
  TreeSpec spec;
  spec.name = "held";
  spec.command.program = argv[5];
  for (char** argument = argv + 6; *argument != nullptr; ++argument)
    spec.command.arguments.emplace_back(*argument);
  for (char** variable = environ; *variable != nullptr; ++variable)
    spec.command.environment.emplace_back(*variable);
  spec.graces = {.eof = milliseconds(200), .term = milliseconds(200), .lost = milliseconds(200)};
  TaskGroup group(loop.get_executor());
  int left = ::atoi(argv[4]);
  group.spawn("live", live(**custodian, spec, left, argv[1], group));
  loop.run();
  return 0;
}

}  // namespace
}  // namespace holdfast::custody

int main(int argc, char** argv) { return argc < 6 ? 2 : holdfast::custody::hold(argv); }
