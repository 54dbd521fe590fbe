#include "fake_runtime.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "base/ids.h"
#include "os/process.h"
#include "os/procfs.h"
#include "os/spawn.h"

namespace holdfast::test {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

namespace {

os::PidFd spawn(const std::vector<std::string>& words, const std::vector<std::string>& environment, int out) {
  std::vector<char*> argv, envp;
  for (const auto& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  for (const auto& variable : environment) envp.push_back(const_cast<char*>(variable.c_str()));
  argv.push_back(nullptr);
  envp.push_back(nullptr);
  const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  const std::array<int, 3> fds{null.get(), out < 0 ? null.get() : out, null.get()};
  os::SpawnOptions options;
  options.path = argv.front();
  options.argv = argv.data();
  options.envp = envp.data();
  options.fds = fds;
  auto child = os::spawn(options);
  if (!child) throw std::runtime_error(child.error().message());
  return *std::move(child);
}

void await_exit(const os::PidFd& process) {
  pollfd set{process.get(), POLLIN, 0};
  (void)::poll(&set, 1, 10'000);
  (void)os::wait_child(process.pid());
}

}  // namespace

FakeRuntime::FakeRuntime()
    : dir_(std::filesystem::temp_directory_path() / ("runtime-" + random_hex(6))), mark_(random_hex(8)) {
  std::filesystem::create_directories(dir_);
  std::filesystem::create_symlink(program(), dir_ / "ssh");
  start_daemon();
}

FakeRuntime::~FakeRuntime() {
  if (daemon_) kill_daemon();
  for (const pid_t pid : processes())
    if (const auto process = os::PidFd::open(pid)) (void)process->signal(SIGKILL);
  std::error_code ignored;
  std::filesystem::remove_all(dir_, ignored);
}

std::string FakeRuntime::program() { return HOLDFAST_FAKE_DOCKER; }

void FakeRuntime::start_daemon() {
  std::filesystem::remove(dir_ / "docker.sock");
  daemon_ = spawn({program(), "daemon", dir_}, {"PATH=/usr/bin:/bin", "FAKE_RUNTIME=" + mark_}, -1);
  const auto deadline = steady_clock::now() + 10s;
  while (!std::filesystem::exists(dir_ / "docker.sock") && steady_clock::now() < deadline)
    std::this_thread::sleep_for(1ms);
}

void FakeRuntime::kill_daemon() {
  (void)daemon_.signal(SIGKILL);
  await_exit(daemon_);
  daemon_ = os::PidFd();
}

void FakeRuntime::hang(bool hangs) {
  if (hangs)
    std::ofstream(dir_ / "hang").flush();
  else
    std::filesystem::remove(dir_ / "hang");
}

std::vector<pid_t> FakeRuntime::processes() const {
  std::vector<pid_t> found;
  (void)os::for_each_process([&](pid_t pid) {
    FixedString<224> value;
    const auto set = os::read_environ(pid, "FAKE_RUNTIME", value);
    if (!set || !*set || value.view() != mark_ || (daemon_ && pid == daemon_.pid())) return;
    if (const auto process = os::PidFd::open(pid); process && !process->exited()) found.push_back(pid);
  });
  return found;
}

bool FakeRuntime::becomes(std::size_t count, std::chrono::milliseconds limit) const {
  const auto deadline = steady_clock::now() + limit;
  while (processes().size() != count) {
    if (steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(2ms);  // polling /proc: it has no event for this
  }
  return true;
}

std::vector<std::string> FakeRuntime::calls() const {
  std::vector<std::string> lines;
  std::ifstream file(dir_ / "calls");
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

bool FakeRuntime::called(const std::string& begin) const {
  return std::ranges::any_of(calls(), [&](const auto& call) { return call.starts_with(begin); });
}

std::string FakeRuntime::docker(std::vector<std::string> words) const {
  words.insert(words.begin(), program());
  const auto file = dir_ / ("out-" + random_hex(4));
  const UniqueFd out(::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  await_exit(spawn(words, {"DOCKER_HOST=" + host()}, out.get()));
  std::string text;
  std::getline(std::ifstream(file), text, '\0');
  return text;
}

}  // namespace holdfast::test
