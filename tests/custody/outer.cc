#include "outer.h"

#include <signal.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <deque>
#include <set>

#include "base/ids.h"
#include "os/process.h"
#include "os/procfs.h"
#include "os/spawn.h"

namespace holdfast::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  result.reserve(strings.size() + 1);
  for (auto& text : strings) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

void add_descendants(std::set<pid_t>& found) {
  std::deque<pid_t> queue{::getpid()};
  while (!queue.empty()) {
    const pid_t parent = queue.front();
    queue.pop_front();
    (void)os::for_each_child(parent, [&](pid_t child) {
      if (found.insert(child).second) queue.push_back(child);
    });
  }
}

void add_marked(std::set<pid_t>& found, std::string_view value) {
  (void)os::for_each_process([&](pid_t pid) {
    FixedString<224> text;
    const auto set = os::read_environ(pid, "HOLDFAST_OUTER", text);
    if (set && *set && text.view() == value && pid != ::getpid()) found.insert(pid);
  });
}

}  // namespace

Outer::Outer() : marker_("HOLDFAST_OUTER=" + random_hex(8)) {
  (void)os::become_subreaper();
  auto own = os::own_cgroup();
  if (!own) {
    reason_ = own.error().message();
    return;
  }
  const std::string name = "holdfast-outer-" + random_hex(4);
  auto leaf = os::CgroupLeaf::create(*own, name);
  if (!leaf) {
    reason_ = leaf.error().message();
    return;
  }
  path_ = *own + "/" + name;
  leaf_ = std::move(*leaf);
}

Outer::~Outer() {
  kill_all();
  if (path_.empty()) return;
  const auto end = steady_clock::now() + milliseconds(2000);
  while (!os::remove_cgroup(path_) && steady_clock::now() < end) (void)os::poll_all({}, milliseconds(1));
}

Result<os::PidFd> Outer::start(const Program& program) {
  std::vector<std::string> arguments = program.arguments, environment = program.environment;
  arguments.insert(arguments.begin(), program.path.substr(program.path.rfind('/') + 1));
  environment.push_back(marker_);
  auto argv = pointers(arguments), envp = pointers(environment);
  auto null = os::open_null();
  if (!null) return forward(null);
  std::vector<int> fds = program.fds;
  if (fds.empty()) fds = {null->get(), null->get(), null->get()};
  os::SpawnOptions options;
  options.path = program.path.c_str();
  options.argv = argv.data();
  options.envp = envp.data();
  options.fds = fds;
  options.leaf_fd = leaf_ ? leaf_.dir() : -1;
  return os::spawn(options);
}

std::vector<pid_t> Outer::members() const {
  std::set<pid_t> found;
  add_descendants(found);
  add_marked(found, std::string_view(marker_).substr(marker_.find('=') + 1));
  if (leaf_) {
    (void)leaf_.for_each_member([](void* set, pid_t pid) { static_cast<std::set<pid_t>*>(set)->insert(pid); },
                                &found);
  }
  std::vector<pid_t> living;
  for (const pid_t pid : found) {
    const auto member = os::PidFd::open(pid);
    if (member && !member->exited()) living.push_back(pid);
  }
  return living;
}

std::string Outer::describe() const {
  std::string text;
  for (const pid_t pid : members()) {
    const auto stat = os::read_stat(pid);
    text += std::to_string(pid);
    if (stat) {
      text += " (" + std::string(stat->comm.view()) + ") " + stat->state + " parent " +
              std::to_string(stat->ppid) + " session " + std::to_string(stat->session);
    }
    text += "\n";
  }
  return text;
}

bool Outer::empty_within(milliseconds limit) const {
  const auto end = steady_clock::now() + limit;
  while (!members().empty()) {
    if (steady_clock::now() >= end) return false;
    (void)os::poll_all({}, milliseconds(2));
  }
  return true;
}

void Outer::kill_all() {
  const auto end = steady_clock::now() + milliseconds(10000);
  do {
    while (os::wait_child(-1).value_or(os::Waited{}).pid != 0) {
    }
    if (leaf_) (void)leaf_.kill_pass();
    for (const pid_t pid : members()) {
      if (const auto member = os::PidFd::open(pid)) (void)member->signal(SIGKILL);
    }
  } while (!empty_within(milliseconds(5)) && steady_clock::now() < end);
  while (os::wait_child(-1).value_or(os::Waited{}).pid != 0) {
  }
}

std::string program_path(const std::string& name) {
  std::string_view chosen = name;
  const char* instead = std::getenv("HOLDFAST_TEST_INSTEAD");
  if (instead != nullptr && std::string_view(instead).starts_with(name + "="))
    chosen = instead + name.size() + 1;
  return std::string(HOLDFAST_TEST_BIN_DIR) + "/" + std::string(chosen);
}
std::string adversary_path(const std::string& name) { return program_path("adversaries/" + name); }

milliseconds patience(milliseconds usual) {
  const char* limit = std::getenv("HOLDFAST_TEST_PATIENCE");
  return limit != nullptr ? milliseconds(std::atoi(limit)) : usual;
}

}  // namespace holdfast::test
