#include "runs.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "os/process.h"
#include "os/spawn.h"
#include "outer.h"

namespace holdfast::faults {
namespace {

// The variables that say which programs to run, and how long to wait.
std::vector<std::string> environment() {
  std::vector<std::string> all;
  for (const char* name : {"HOLDFAST_TEST_INSTEAD", "HOLDFAST_TEST_PATIENCE", "TMPDIR"})
    if (const char* value = std::getenv(name)) all.push_back(std::string(name) + "=" + value);
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> list;
  list.reserve(strings.size() + 1);
  for (auto& text : strings) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

int status_of(const os::PidFd& process) {
  for (;;) {
    const auto ended = os::wait_child(process.pid());
    if (!ended) return 255;
    if (ended->pid != 0) return ended->signal != 0 ? 128 + ended->signal : ended->code;
    std::array set{os::Poll{process.get(), POLLIN, 0}};
    (void)os::poll_all(set, std::chrono::milliseconds(100));
  }
}

}  // namespace

std::string command_line(const std::vector<std::string>& words, const std::string& program) {
  std::string line;
  for (const auto& variable : environment()) line += variable + " ";
  line += test::program_path(program);
  for (const auto& word : words) line += " " + word;
  return line;
}

Outcome run_one(const std::vector<std::string>& words, const std::string& program) {
  Outcome outcome{.words = words, .status = 255, .said = {}};
  const std::string path = test::program_path(program);
  auto arguments = words, variables = environment();
  arguments.insert(arguments.begin(), path);
  const auto argv = pointers(arguments), envp = pointers(variables);
  const auto null = os::open_null();
  auto pipe = os::pipe_pair();
  if (!null || !pipe) return outcome;
  const std::array fds{null->get(), pipe->second.get(), pipe->second.get()};
  const auto process = os::spawn({.path = path.c_str(),
                                  .argv = argv.data(),
                                  .envp = envp.data(),
                                  .fds = fds,
                                  .parent_death_signal = SIGKILL});
  if (!process) return outcome;
  pipe->second.reset();
  std::array<char, 4096> buffer{};
  for (ssize_t size = 1; size > 0;
       outcome.said.append(buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))))
    size = ::read(pipe->first.get(), buffer.data(), buffer.size());
  outcome.status = status_of(*process);
  return outcome;
}

std::vector<Outcome> run_all(const std::vector<std::vector<std::string>>& all, unsigned at_once, int enough) {
  std::vector<Outcome> outcomes;
  std::mutex mutex;
  std::atomic<std::size_t> next = 0;
  std::atomic<int> bad = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < all.size() && bad < enough; i = next++) {
      auto outcome = run_one(all[i]);
      if (outcome.status != 0 && outcome.status != 3) ++bad;
      const std::lock_guard lock(mutex);
      outcomes.push_back(std::move(outcome));
    }
  };
  {
    std::vector<std::jthread> workers;
    workers.reserve(at_once);
    for (unsigned i = 0; i < at_once; ++i) workers.emplace_back(work);
  }
  return outcomes;
}

}  // namespace holdfast::faults
