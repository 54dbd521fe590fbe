#include "os/procfs.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "needs.h"
#include "os/cgroup_path.h"
#include "os/pidfd.h"
#include "os/proc_text.h"
#include "os/process.h"
#include "os/signals.h"

namespace holdfast::os {
namespace {

// A forked child that waits for its pipe to close; ended and reaped with the object.
class Forked {
 public:
  template <class F>
  explicit Forked(F&& prepare) {
    auto [ready_read, ready_write] = pipe_pair().value();
    pid_ = ::fork();
    if (pid_ == 0) {
      prepare();
      (void)!::write(ready_write.get(), "x", 1);
      for (;;) ::pause();
    }
    char byte = 0;
    EXPECT_EQ(::read(ready_read.get(), &byte, 1), 1);
  }
  Forked() : Forked([] {}) {}
  ~Forked() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
};

TEST(ReadStat, knows_this_process) {
  auto stat = read_stat(::getpid());
  ASSERT_TRUE(stat) << stat.error().message();
  EXPECT_EQ(stat->pid, ::getpid());
  EXPECT_EQ(stat->ppid, ::getppid());
  EXPECT_EQ(stat->pgrp, ::getpgrp());
  EXPECT_EQ(stat->session, ::getsid(0));
  EXPECT_GT(stat->start_ticks, 0U);
}

// do_task_stat() writes -1 for the group and session of a process that is just being let go of.
TEST(ReadStat, of_a_process_without_group_and_session_finds_its_start_all_the_same) {
  const auto stat = parse_stat(7, "7 (sleep) X 0 -1 -1 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 271828 0 0\n");
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->pgrp, -1);
  EXPECT_EQ(stat->session, -1);
  EXPECT_EQ(stat->start_ticks, 271828U);
}

TEST(ReadStat, of_a_text_that_is_cut_off_is_none) {
  EXPECT_FALSE(parse_stat(7, "7 (sleep) S 1 7 7 0 -1 4194560 0 0 0"));
  EXPECT_FALSE(parse_stat(7, "7 (sleep)"));
}

TEST(ReadStat, is_not_fooled_by_a_hostile_comm) {
  Forked child([] { ::prctl(PR_SET_NAME, "sd) R 1 1 (x"); });
  auto stat = read_stat(child.pid());
  ASSERT_TRUE(stat) << stat.error().message();
  EXPECT_EQ(stat->comm.view(), "sd) R 1 1 (x");
  EXPECT_EQ(stat->ppid, ::getpid());
}

TEST(ReadStat, says_that_a_process_is_gone) {
  pid_t gone = 0;
  {
    Forked child;
    gone = child.pid();
  }
  EXPECT_FALSE(read_stat(gone));
  EXPECT_EQ(real_uid(gone), static_cast<uid_t>(-1));
}

TEST(ForEachChild, finds_the_children) {
  Forked one, two;
  std::set<pid_t> found;
  ASSERT_TRUE(for_each_child(::getpid(), [&](pid_t pid) { found.insert(pid); }));
  EXPECT_TRUE(found.contains(one.pid()));
  EXPECT_TRUE(found.contains(two.pid()));
  EXPECT_EQ(found.size(), 2U);
}

TEST(ForEachChild, finds_the_same_by_scan) {
  Forked one, two;
  std::set<pid_t> found;
  const auto add = [](void* set, pid_t pid) { static_cast<std::set<pid_t>*>(set)->insert(pid); };
  ASSERT_TRUE(for_each_child_by_scan(::getpid(), add, &found));
  EXPECT_EQ(found, (std::set<pid_t>{one.pid(), two.pid()}));
}

TEST(ForEachProcess, finds_this_process) {
  bool found = false;
  ASSERT_TRUE(for_each_process([&](pid_t pid) { found = found || pid == ::getpid(); }));
  EXPECT_TRUE(found);
}

TEST(IsDescendant, follows_the_parents) {
  Forked child;
  EXPECT_TRUE(is_descendant(child.pid(), ::getpid()));
  EXPECT_TRUE(is_descendant(child.pid(), ::getppid()));
  EXPECT_FALSE(is_descendant(::getpid(), child.pid()));
  EXPECT_FALSE(is_descendant(child.pid(), child.pid()));
  EXPECT_FALSE(is_descendant(1, ::getpid()));
  EXPECT_FALSE(is_descendant(0, ::getpid()));
}

TEST(ReadEnviron, finds_a_variable_and_only_that) {
  char name[] = "HOLDFAST_TEST=value";
  char longer[] = "XHOLDFAST_TEST=other";
  char prefix[] = "HOLDFAST_TEST2=other";
  char* envp[] = {longer, prefix, name, nullptr};
  auto [read, write] = pipe_pair().value();
  auto [held_read, held_write] = pipe_pair().value();
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::dup2(held_read.get(), 0);
    ::dup2(write.get(), 1);
    char* argv[] = {const_cast<char*>("sh"), const_cast<char*>("-c"), const_cast<char*>("echo; read x"),
                    nullptr};
    ::execve("/bin/sh", argv, envp);
    ::_exit(127);
  }
  char byte = 0;
  ASSERT_EQ(::read(read.get(), &byte, 1), 1);
  FixedString<224> value;
  EXPECT_TRUE(read_environ(pid, "HOLDFAST_TEST", value).value());
  EXPECT_EQ(value.view(), "value");
  EXPECT_FALSE(read_environ(pid, "HOLDFAST", value).value());
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
}

TEST(Procfs, answers_the_small_questions) {
  EXPECT_EQ(real_uid(::getpid()), ::getuid());
  EXPECT_EQ(boot_id().value().view().size(), 36U);
  EXPECT_GT(pss_bytes(::getpid()).value(), 0);
  auto [read, write] = pipe_pair().value();
  struct stat own{};
  ASSERT_EQ(::fstat(read.get(), &own), 0);
  EXPECT_EQ(stat_descriptor(::getpid(), read.get()).value().st_ino, own.st_ino);
  EXPECT_FALSE(stat_descriptor(::getpid(), 987));
}

TEST(PidFd, refuses_the_numbers_that_address_more_than_one_process) {
  for (const pid_t pid : {-7, -1, 0, 1}) EXPECT_FALSE(PidFd::open(pid));
  EXPECT_FALSE(wait_child(0));
  EXPECT_FALSE(wait_child(-7));
}

TEST(PidFd, tells_a_dead_process_from_a_living_one) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    for (;;) ::pause();
  }
  auto fd = PidFd::open(pid);
  ASSERT_TRUE(fd) << fd.error().message();
  EXPECT_FALSE(fd->exited());
  EXPECT_EQ(PidFd::adopt(UniqueFd(::dup(fd->get()))).value().pid(), pid);
  EXPECT_EQ(wait_child(pid).value().pid, 0);
  EXPECT_TRUE(fd->signal(SIGKILL).value());
  std::array set{Poll{fd->get(), 0x1, 0}};
  EXPECT_EQ(poll_all(set, std::chrono::milliseconds(5000)).value(), 1);
  EXPECT_TRUE(fd->exited());
  EXPECT_EQ(wait_child(pid).value().signal, SIGKILL);
  EXPECT_FALSE(fd->signal(SIGKILL).value());
  EXPECT_TRUE(wait_child(pid).error().is_errno(ECHILD));
}

TEST(ProcessHandle, names_the_same_process_again) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    for (;;) ::pause();
  }
  auto fd = PidFd::open(pid).value();
  auto handle = process_handle(fd.get());
  if (!handle) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    HOLDFAST_NEEDS("handles", false, "Linux 6.14: " + handle.error().message());
  }
  auto again = open_process_handle(*handle);
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(PidFd::adopt(std::move(*again)).value().pid(), pid);
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  EXPECT_FALSE(open_process_handle(*handle));
}

TEST(Message, what_a_peer_sent_before_it_died_still_comes) {
  auto [ours, theirs] = seqpacket_pair().value();
  const std::byte byte{7};
  ASSERT_TRUE(send_message(ours.get(), {&byte, 1}));  // stays unread: the peer's end resets the connection
  ASSERT_TRUE(send_message(theirs.get(), {&byte, 1}));
  theirs.reset();
  std::byte got{};
  EXPECT_EQ(recv_message(ours.get(), {&got, 1}).value(), 1U);
  EXPECT_EQ(got, byte);
  EXPECT_EQ(recv_message(ours.get(), {&got, 1}).value(), 0U);
}

TEST(Signals, come_through_the_descriptor) {
  sigset_t before;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &before);
  const int wanted[] = {SIGUSR1};
  auto fd = signal_fd(wanted).value();
  EXPECT_EQ(read_signal(fd.get()).value(), 0);
  ::raise(SIGUSR1);
  EXPECT_EQ(read_signal(fd.get()).value(), SIGUSR1);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

TEST(Lock, is_held_by_one) {
  const std::string path = testing::TempDir() + "holdfast-lock-" + std::to_string(::getpid());
  {
    auto first = lock_file(path.c_str());
    ASSERT_TRUE(first);
    EXPECT_TRUE(lock_file(path.c_str()).error().is_errno(EWOULDBLOCK));
  }
  EXPECT_TRUE(lock_file(path.c_str()));
  ::unlink(path.c_str());
}

// A gateway that is a container's first process must be able to watch itself.
TEST(PidFdTest, number_one_may_be_opened_by_itself_only_and_never_signalled) {
  EXPECT_FALSE(PidFd::open(1));
  const pid_t middle = ::fork();
  ASSERT_GE(middle, 0);
  if (middle == 0) {
    if (::unshare(CLONE_NEWPID) != 0) ::_exit(77);
    const pid_t first = ::fork();
    if (first == 0) {
      const auto self = PidFd::open(::getpid());
      ::_exit(::getpid() == 1 && self && !self->exited() && !self->signal(0) ? 0 : 1);
    }
    int status = -1;
    ::_exit(first > 0 && ::waitpid(first, &status, 0) == first ? WEXITSTATUS(status) : 2);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(middle, &status, 0), middle);
  HOLDFAST_NEEDS("pidns", WEXITSTATUS(status) != 77, "no PID namespace may be made here");
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(NumberScan, takes_nothing_for_a_process_that_is_no_number_of_one) {
  NumberScan scan;
  std::vector<pid_t> found;
  for (const char c : std::string_view("12\n0\n99999999999999999999\n2147483648\n2147483647\n"))
    if (const pid_t number = scan.feed(c); number != 0) found.push_back(number);
  EXPECT_EQ(found, (std::vector<pid_t>{12, 2147483647}));
}

TEST(ProcNumber, that_does_not_fit_is_none) {
  EXPECT_EQ(parse_real_uid("Name:\tx\nUid:\t1000\t0\t0\t0\n"), 1000U);
  EXPECT_FALSE(parse_real_uid("Name:\tx\nUid:\t4294967296\t0\t0\t0\n")) << "not root";
  EXPECT_FALSE(parse_real_uid("Name:\tx\nUid:\t18446744073709551616\t0\t0\t0\n"));
  EXPECT_EQ(parse_smaps("Rss: 9 kB\nPss: 4 kB\n", "Pss"), 4096);
  EXPECT_FALSE(parse_smaps("Pss: 9007199254740992 kB\n", "Pss")) << "more bytes than can be counted";
}

TEST(CgroupMount, has_a_backslash_that_begins_no_octal_number_as_it_is) {
  const auto mount = parse_cgroup_mount("31 24 0:27 / /mnt\\x41\\134\\04 rw - cgroup2 cgroup2 rw").value();
  EXPECT_EQ(mount.point.view(), "/mnt\\x41\\\\04");
}

TEST(CgroupEvents, speak_of_emptiness_in_a_whole_line_only) {
  EXPECT_TRUE(says_empty("populated 0\nfrozen 0\n"));
  EXPECT_TRUE(says_empty("frozen 0\npopulated 0"));
  EXPECT_FALSE(says_empty("populated 01\n"));
  EXPECT_FALSE(says_empty("unpopulated 0\npopulated 1\n"));
}

TEST(CgroupDirectory, of_a_neighbour_with_a_longer_name_is_not_inside_of_what_is_mounted) {
  const auto mount = parse_cgroup_mount("31 24 0:27 /a /mnt\\040x rw - cgroup2 cgroup2 rw").value();
  EXPECT_EQ(cgroup_directory(mount, "/a/b").value().view(), "/mnt x/b");
  EXPECT_EQ(cgroup_directory(mount, "/a").value().view(), "/mnt x");
  EXPECT_FALSE(cgroup_directory(mount, "/ab/c"));
  EXPECT_FALSE(cgroup_directory(mount, "/../c"));
  EXPECT_FALSE(cgroup_directory(mount, "/a/" + std::string(CgroupPath::capacity, 'x')))
      << "a path that was cut";
}

TEST(CgroupDirectory, above_the_namespace_is_none_but_dots_may_begin_a_name) {
  const auto mount = parse_cgroup_mount("31 24 0:27 / /mnt rw - cgroup2 cgroup2 rw").value();
  EXPECT_FALSE(cgroup_directory(mount, "/.."));
  EXPECT_EQ(cgroup_directory(mount, "/..c").value().view(), "/mnt/..c");
}

}  // namespace
}  // namespace holdfast::os
