#include "run_lab.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <iterator>

#include "base/ids.h"
#include "os/process.h"
#include "os/procfs.h"

namespace holdfast::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
constexpr milliseconds kLimit{10000};

}  // namespace

bool readable_within(int fd, milliseconds limit) {
  const auto end = steady_clock::now() + limit;
  for (;;) {
    std::array set{os::Poll{fd, POLLIN, 0}};
    const auto rest = std::max(std::chrono::ceil<milliseconds>(end - steady_clock::now()), milliseconds(0));
    const auto ready = os::poll_all(set, rest);
    if (ready && *ready > 0) return true;
    if (!ready || steady_clock::now() >= end) return false;
  }
}

std::string slurp_file(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> run_arguments(const RunSpec& spec, const std::string& marker) {
  std::vector<std::string> words{"run",
                                 "--isolation=" + (in_pidns(spec.rung) ? "pidns" : name_of(spec.rung))};
  words.insert(words.end(), spec.options.begin(), spec.options.end());
  words.push_back("--");
  words.push_back(spec.program);
  if (!marker.empty()) words.push_back(marker);
  words.insert(words.end(), spec.arguments.begin(), spec.arguments.end());
  return words;
}

FaceRun::FaceRun(Outer& outer, const RunSpec& spec) {
  UniqueFd in;
  if (spec.input == Input::pipe) {
    auto [read, write] = os::pipe_pair().value();
    in = std::move(read);
    in_ = std::move(write);
  } else if (spec.input == Input::socket) {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    in = UniqueFd(ends[0]);
    in_ = UniqueFd(ends[1]);
  } else if (spec.input == Input::null) {
    in = os::open_null().value();
  }
  auto [out_read, out_write] = os::pipe_pair().value();
  out_ = std::move(out_read);
  err_ = UniqueFd(::memfd_create("stderr", MFD_CLOEXEC));
  if (spec.with_marker) {
    // A FIFO whose reading end is held here: touching it can be waited for.
    marker_path_ = testing::TempDir() + "holdfast-marker-" + random_hex(6);
    EXPECT_EQ(::mkfifo(marker_path_.c_str(), 0600), 0);
    EXPECT_EQ(::chmod(marker_path_.c_str(), 0666), 0);  // another user's command touches it, too
    marker_ = UniqueFd(::open(marker_path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  }
  std::vector<std::string> words = spec.wrapper;
  if (spec.rung == TestRung::user_pidns)
    words.insert(words.begin(), {"/usr/bin/setpriv", "--reuid", kOrdinaryUser, "--clear-groups"});
  words.push_back(program_path(spec.keeper));
  for (auto& word : run_arguments(spec, marker_path_)) words.push_back(word);
  std::vector<int> fds{in.get(), out_write.get(), err_.get()};
  fds.insert(fds.end(), spec.more_fds.begin(), spec.more_fds.end());
  const std::string path = words.front();
  words.erase(words.begin());
  face_ = outer
              .start({.path = path,
                      .arguments = words,
                      .environment = {"PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"},
                      .fds = fds})
              .value();
}

FaceRun::~FaceRun() {
  if (!marker_path_.empty()) ::unlink(marker_path_.c_str());
}

bool FaceRun::evil_within(milliseconds limit) const { return readable_within(marker_.get(), limit); }

pid_t FaceRun::keeper_of(pid_t face) {
  pid_t found = 0;
  const auto end = steady_clock::now() + kLimit;
  while (found == 0 && steady_clock::now() < end) {
    (void)os::for_each_child(face, [&](pid_t child) {
      const auto stat = os::read_stat(child);
      if (stat && stat->comm.view() == "holdfast-keeper") found = child;
    });
  }
  return found;
}

pid_t FaceRun::keeper_pid() const {
  const pid_t keeper = keeper_of(pid());
  const auto end = steady_clock::now() + kLimit;
  while (slurp_file("/proc/" + std::to_string(keeper) + "/cmdline").find("--") != std::string::npos &&
         steady_clock::now() < end) {
  }
  return keeper;
}

pid_t FaceRun::first_child(pid_t parent) {
  pid_t found = 0;
  const auto end = steady_clock::now() + kLimit;
  while (found == 0 && steady_clock::now() < end)
    (void)os::for_each_child(parent, [&](pid_t child) { found = found == 0 ? child : found; });
  return found;
}

void FaceRun::signal(int number) const { EXPECT_TRUE(face_.signal(number).value()); }

void FaceRun::kill(pid_t pid, int number) {
  const auto process = os::PidFd::open(pid);
  ASSERT_TRUE(process) << pid;
  EXPECT_TRUE(process->signal(number));
}

void FaceRun::write(const std::string& text) const {
  EXPECT_EQ(::write(in_.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
}

void FaceRun::end_input_by_shutdown() const { EXPECT_EQ(::shutdown(in_.get(), SHUT_WR), 0); }

std::string FaceRun::read_until(const std::string& text) const {
  std::string said;
  const auto end = steady_clock::now() + kLimit;
  while (text.empty() || said.find(text) == said.npos) {
    const auto rest = std::chrono::ceil<milliseconds>(end - steady_clock::now());
    if (rest.count() <= 0 || !readable_within(out_.get(), rest)) break;
    char buffer[65536];
    const ssize_t n = ::read(out_.get(), buffer, sizeof buffer);
    if (n <= 0) break;
    said.append(buffer, static_cast<std::size_t>(n));
  }
  return said;
}

std::string FaceRun::errors() const {
  std::string text(65536, '\0');
  const ssize_t n = ::pread(err_.get(), text.data(), text.size(), 0);
  text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  return text;
}

std::optional<os::Waited> FaceRun::end(milliseconds limit) {
  if (!readable_within(face_.get(), limit)) return std::nullopt;
  auto ended = os::wait_child(face_.pid());
  if (!ended || ended->pid == 0) return std::nullopt;
  return *ended;
}

int FaceRun::status() {
  const auto ended = end();
  if (!ended) return -1;
  return ended->signal != 0 ? 128 + ended->signal : ended->code;
}

}  // namespace holdfast::test
