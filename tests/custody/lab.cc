#include "lab.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "base/ids.h"
#include "custody/places.h"
#include "os/cgroup.h"
#include "os/pidfd.h"
#include "os/procfs.h"
#include "outer.h"

namespace holdfast::custody {

namespace fs = std::filesystem;
using std::chrono::steady_clock;

fs::path keeper_program() { return test::program_path("holdfast-keeper"); }

bool alive(pid_t pid) {
  const auto process = os::PidFd::open(pid);
  return process && !process->exited();
}

int open_descriptors() {
  int count = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

std::vector<pid_t> processes_marked(const std::string& mark) {
  std::vector<pid_t> found;
  (void)os::for_each_process([&](pid_t pid) {
    FixedString<224> value;
    const auto set = os::read_environ(pid, "LAB_MARK", value);
    if (!set || !*set || value.view() != std::string_view(mark) || !alive(pid)) return;
    const auto stat = os::read_stat(pid);
    if (stat && stat->comm.view() != "holdfast-keeper" && pid != ::getpid()) found.push_back(pid);
  });
  return found;
}

Lab::Lab(bool leaf, milliseconds patience_)
    : state(fs::temp_directory_path() / ("lab-" + random_hex(6))),
      mark(random_hex(8)),
      allow_leaf(leaf),
      patience(patience_) {
  fs::create_directories(state);
  reopen();
}

Lab::~Lab() {
  if (custodian)
    run([](Custodian& c) -> asio::awaitable<int> { co_return (co_await c.shutdown()).examined; }(*custodian));
  custodian.reset();
  loop.restart();
  loop.poll();
  for (const pid_t pid : survivors())
    if (const auto process = os::PidFd::open(pid)) (void)process->signal(SIGKILL);
  fs::remove_all(state);
}

void Lab::reopen() {
  custodian.reset();
  loop.restart();
  loop.poll();
  CustodianOptions options;
  options.state_dir = state;
  options.keeper = keeper_program();
  options.allow_leaf = allow_leaf;
  options.patience = patience;
  options.start_limit = start_limit;
  auto opened = Custodian::open(loop, options);
  if (!opened) {
    ADD_FAILURE() << opened.error().message();
    std::abort();
  }
  custodian = *std::move(opened);
}

bool Lab::until(const std::function<bool()>& condition) {
  const auto deadline = steady_clock::now() + test::patience(std::chrono::seconds(60));
  while (!condition()) {
    if (steady_clock::now() > deadline) return false;
    loop.restart();
    loop.run_one_for(std::chrono::milliseconds(20));
  }
  return true;
}

TreeSpec Lab::program(const std::string& path, std::vector<std::string> arguments,
                      const std::string& name) const {
  TreeSpec spec;
  spec.name = name;
  spec.command.program = path;
  spec.command.arguments = std::move(arguments);
  spec.command.environment = {"PATH=/usr/local/bin:/usr/bin:/bin", "LAB_MARK=" + mark};
  spec.pidns = pidns;
  spec.graces = {.eof = milliseconds(300), .term = milliseconds(300), .lost = milliseconds(300)};
  return spec;
}

TreeSpec Lab::script(const std::string& text, const std::string& name) const {
  return program("/bin/sh", {"-c", text}, name);
}

std::shared_ptr<Tree> Lab::start(TreeSpec spec) {
  auto tree = run(custodian->start(std::move(spec)));
  EXPECT_TRUE(tree) << tree.error().message();
  return tree ? *tree : nullptr;
}

std::vector<pid_t> Lab::survivors() const { return processes_marked(mark); }

std::vector<std::string> Lab::ledger_files() const {
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(state / "ledger")) files.push_back(entry.path().filename());
  return files;
}

std::vector<std::string> Lab::leaves() const {
  if (!custodian) return {};
  const auto own = home_cgroup(custodian->gateway_id());
  if (!own) return {};
  auto names = os::list_cgroups(leaf_parent_of(*own, custodian->gateway_id()), "");
  return names ? *std::move(names) : std::vector<std::string>();
}

}  // namespace holdfast::custody
