// A keeper whose status somebody outside withholds: its tree ends all the same, and no zombie stays.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <unistd.h>

#include <array>

#include "lab.h"
#include "needs.h"
#include "os/process.h"
#include "os/procfs.h"
#include "os/spawn.h"

namespace holdfast::custody {
namespace {

// Traces `prey` until it is killed; the byte on descriptor 3 says whether it may.
[[noreturn]] void trace(pid_t prey, int told) {
  (void)os::set_parent_death_signal(SIGKILL);
  (void)os::place_descriptors(std::array{0, 1, 2, told});  // nobody's pipe is held open by us
  const char may = ::ptrace(PTRACE_SEIZE, prey, nullptr, nullptr) == 0 ? 'y' : 'n';
  (void)!::write(3, &may, 1);
  for (;;) ::pause();
}

int children() {
  int count = 0;
  (void)os::for_each_child(::getpid(), [&](pid_t) { ++count; });
  return count;
}

TEST(TracedKeeper, is_no_zombie_for_longer_than_somebody_withholds_it) {
  Lab lab(false);
  const auto tree = lab.start(lab.script("exec cat"));
  auto words = os::pipe_pair();
  ASSERT_TRUE(words);
  const auto tracer = os::fork_process();
  ASSERT_TRUE(tracer);
  if (!*tracer) trace(tree->keeper_pid(), words->second.get());
  char may = 'n';
  ASSERT_EQ(::read(words->first.get(), &may, 1), 1);
  HOLDFAST_NEEDS("ptrace", may == 'y', "no right to trace a keeper");

  bool gone = false;
  tree->watch(
      {.before_stop = {}, .leader_exited = {}, .retiring = {}, .gone = [&](const Ending&) { gone = true; }});
  (void)os::PidFd::open(tree->keeper_pid())->signal(SIGKILL);
  EXPECT_TRUE(lab.until([&] { return gone; }));
  EXPECT_TRUE(lab.nothing_left());
  EXPECT_EQ(children(), 2) << "the tracer, and a zombie that is not ours yet";

  (void)tracer->signal(SIGKILL);
  EXPECT_TRUE(lab.until([&] { return os::wait_child(tracer->pid()).value_or(os::Waited{}).pid != 0; }));
  EXPECT_TRUE(lab.run(lab.custodian->stop(lab.start(lab.script("exec cat")), "test")));
  EXPECT_EQ(children(), 0);
}

}  // namespace
}  // namespace holdfast::custody
