#include "os/spawn.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "needs.h"
#include "os/cgroup.h"
#include "os/process.h"
#include "os/procfs.h"
#include "os/signals.h"

namespace holdfast::os {
namespace {

Waited wait_until_ended(const PidFd& child) {
  std::array set{Poll{child.get(), 0x1 /* POLLIN */, 0}};
  EXPECT_EQ(poll_all(set, std::chrono::milliseconds(10000)).value(), 1) << "the child did not end";
  return wait_child(child.pid()).value();
}

struct Shell {
  explicit Shell(std::string script) : script_(std::move(script)) {
    argv_ = {const_cast<char*>("sh"), const_cast<char*>("-c"), script_.data(), nullptr};
    options.path = "/bin/sh";
    options.argv = argv_.data();
    options.envp = environment_.data();
  }
  SpawnOptions options;

 private:
  std::string script_;
  std::vector<char*> argv_, environment_{nullptr};
};

// What the script printed, with its stdout at a pipe and stdin and stderr at /dev/null.
std::string output_of(Shell& shell, const std::vector<int>& more = {}) {
  auto [read, write] = pipe_pair().value();
  auto null = open_null().value();
  std::vector<int> fds{null.get(), write.get(), null.get()};
  fds.insert(fds.end(), more.begin(), more.end());
  shell.options.fds = fds;
  auto child = spawn(shell.options);
  EXPECT_TRUE(child) << child.error().message();
  write.reset();
  std::string text;
  char buffer[4096];
  for (ssize_t n = 0; (n = ::read(read.get(), buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(n));
  if (child) wait_until_ended(*child);
  return text;
}

TEST(Spawn, runs_the_program_and_reports_its_exit_code) {
  Shell shell("exit 7");
  auto child = spawn(shell.options);
  ASSERT_TRUE(child) << child.error().message();
  const Waited end = wait_until_ended(*child);
  EXPECT_EQ(end.pid, child->pid());
  EXPECT_EQ(end.code, 7);
  EXPECT_EQ(end.signal, 0);
}

TEST(Spawn, names_errno_path_and_step_of_a_failed_exec) {
  char* argv[] = {const_cast<char*>("x"), nullptr};
  char* envp[] = {nullptr};
  SpawnOptions options{.path = "/nonexistent/program", .argv = argv, .envp = envp};
  auto missing = spawn(options);
  ASSERT_FALSE(missing);
  EXPECT_TRUE(missing.error().is_errno(ENOENT));
  EXPECT_EQ(missing.error().op, "execve");
  EXPECT_EQ(missing.error().subject.view(), "/nonexistent/program");

  options.path = "/etc/passwd";
  auto forbidden = spawn(options);
  ASSERT_FALSE(forbidden);
  EXPECT_TRUE(forbidden.error().is_errno(EACCES));

  const auto text = std::filesystem::temp_directory_path() / ("holdfast-enoexec-" + std::to_string(getpid()));
  std::ofstream(text) << "no program";
  ::chmod(text.c_str(), 0700);
  options.path = text.c_str();
  auto garbage = spawn(options);
  std::filesystem::remove(text);
  ASSERT_FALSE(garbage);
  EXPECT_TRUE(garbage.error().is_errno(ENOEXEC));
  EXPECT_TRUE(wait_child(-1).error().is_errno(ECHILD)) << "a failed spawn left a child";
}

TEST(Spawn, reports_the_step_before_exec_that_failed) {
  Shell shell("exit 0");
  const int closed[] = {999'999};
  shell.options.fds = closed;
  auto child = spawn(shell.options);
  ASSERT_FALSE(child);
  EXPECT_EQ(child.error().op, "dup3");
  EXPECT_TRUE(child.error().is_errno(EBADF));
}

TEST(Spawn, gives_the_child_exactly_the_descriptors_asked_for) {
  const char* list = "for n in 0 1 2 3 4 5 6 7 8 9; do [ -e /proc/$$/fd/$n ] && printf \"$n \"; done";
  Shell shell(list);
  EXPECT_EQ(output_of(shell), "0 1 2 ");
  auto null = open_null().value();
  Shell with_more(list);
  EXPECT_EQ(output_of(with_more, {null.get(), null.get()}), "0 1 2 3 4 ");
}

TEST(Spawn, places_descriptors_that_overlap_their_targets) {
  // The sources are numbered 3 and 4 at the child's targets 4 and 3, and each must arrive where it was asked.
  auto [read, write] = pipe_pair().value();
  auto null = open_null().value();
  const int low_null = ::fcntl(null.get(), F_DUPFD_CLOEXEC, 3);
  UniqueFd owner(low_null);
  std::vector<int> fds;
  for (int i = 0; i <= std::max(write.get(), low_null); ++i) fds.push_back(null.get());
  fds[static_cast<std::size_t>(low_null)] = write.get();
  fds[static_cast<std::size_t>(write.get())] = low_null;
  HOLDFAST_NEEDS("low_descriptors", fds.size() <= 16, "descriptors are numbered too high here");
  Shell shell("echo here >&" + std::to_string(low_null));
  shell.options.fds = fds;
  auto child = spawn(shell.options);
  ASSERT_TRUE(child) << child.error().message();
  write.reset();
  char buffer[16] = {};
  EXPECT_EQ(::read(read.get(), buffer, sizeof buffer), 5);
  EXPECT_STREQ(buffer, "here\n");
  EXPECT_EQ(wait_until_ended(*child).code, 0);
}

TEST(Spawn, L25_child_has_default_signals_and_a_session_of_its_own) {
  ignore_signal(SIGUSR1);
  sigset_t blocked, mask;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR2);
  ::pthread_sigmask(SIG_BLOCK, &blocked, &mask);
  Shell shell("grep -E '^Sig(Blk|Ign):' /proc/self/status; cut -d' ' -f6 /proc/$$/stat; echo $$");
  const std::string text = output_of(shell);
  EXPECT_TRUE(reset_signals());
  ::pthread_sigmask(SIG_SETMASK, &mask, nullptr);
  EXPECT_NE(text.find("SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n"), std::string::npos) << text;
  const auto tail = text.substr(text.find_last_of('\n', text.size() - 2) + 1);
  EXPECT_EQ(text.find(tail), text.size() - 2 * tail.size()) << "pid and session differ: " << text;
}

class SpawnIntoLeaf : public testing::Test {
 protected:
  void SetUp() override {
    auto own = own_cgroup();
    HOLDFAST_NEEDS("leaf", own, "no cgroup2: " + own.error().message());
    path_ = *own + "/holdfast-os-test-" + std::to_string(getpid());
    auto leaf = CgroupLeaf::create(*own, "holdfast-os-test-" + std::to_string(getpid()));
    HOLDFAST_NEEDS("leaf", leaf, "no right to make a cgroup: " + leaf.error().message());
    leaf_ = std::move(*leaf);
  }
  void TearDown() override {
    if (!leaf_) return;
    while (leaf_.populated().value_or(false)) (void)leaf_.kill_pass();
    while (wait_child(-1).value_or(Waited{}).pid != 0) {
    }
    EXPECT_TRUE(remove_cgroup(path_));
  }
  std::string path_;
  CgroupLeaf leaf_;
};

TEST_F(SpawnIntoLeaf, child_is_born_in_the_leaf) {
  for (const bool by_procs : {false, true}) {
    Shell shell("cat /proc/self/cgroup");
    shell.options.leaf_fd = leaf_.dir();
    shell.options.leaf_by_procs = by_procs;
    EXPECT_NE(output_of(shell).find("/holdfast-os-test-"), std::string::npos);
  }
  EXPECT_FALSE(leaf_.populated().value());
}

TEST_F(SpawnIntoLeaf, survives_a_poisoned_kill_counter) {
  ASSERT_TRUE(leaf_.kill_pass());
  Shell shell("exit 5");
  shell.options.leaf_fd = leaf_.dir();
  bool poisoned = false;
  auto child = spawn(shell.options, &poisoned);
  ASSERT_TRUE(child) << child.error().message();
  // Kernels that have the fix let the newborn live: then nothing was poisoned.
  const Waited end = wait_until_ended(*child);
  EXPECT_EQ(end.code, 5);
  EXPECT_EQ(end.signal, 0);
  RecordProperty("poisoned", poisoned);
}

TEST_F(SpawnIntoLeaf, leaf_tells_and_kills_its_members) {
  Shell shell("trap '' TERM; sleep 100 & sleep 100");
  shell.options.leaf_fd = leaf_.dir();
  auto child = spawn(shell.options);
  ASSERT_TRUE(child) << child.error().message();
  EXPECT_TRUE(leaf_.populated().value());
  auto events = leaf_.events_fd().value();
  EXPECT_GE(leaf_.kill_pass().value(), 0);
  EXPECT_EQ(wait_until_ended(*child).signal, SIGKILL);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (leaf_.populated().value() && std::chrono::steady_clock::now() < end) (void)leaf_.kill_pass();
  EXPECT_FALSE(leaf_.populated().value());
}

TEST(Process, closed_standard_descriptors_are_filled_before_anything_else_takes_their_numbers) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    for (const int fd : {0, 2}) ::close(fd);
    struct stat null{}, at{};
    bool good = fill_standard_descriptors().has_value() && ::stat("/dev/null", &null) == 0;
    for (const int fd : {0, 2}) good = good && ::fstat(fd, &at) == 0 && at.st_rdev == null.st_rdev;
    ::_exit(good ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace holdfast::os
