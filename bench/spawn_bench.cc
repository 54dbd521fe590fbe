#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "house.h"

namespace holdfast::bench {
namespace {

constexpr int kRounds = 200;
constexpr std::size_t kLarge = 2UL << 30;

custody::TreeSpec blocker() {
  custody::TreeSpec spec;
  spec.name = "blocker";
  spec.command.program = HOLDFAST_BENCH_BLOCKER;
  spec.command.environment = {"PATH=/usr/bin:/bin"};
  return spec;
}

void wait_for_byte(int fd) {
  char byte = 0;
  while (::read(fd, &byte, 1) != 1) {  // custody's end does not block
    pollfd set{fd, POLLIN, 0};
    (void)::poll(&set, 1, -1);
  }
}

// From the call to the server's first byte: what a client waits for.
double start_in_custody(test::House& house) {
  const auto start = Clock::now();
  auto tree = house.run(house.custodian->start(blocker()));
  if (!tree) throw std::runtime_error(tree.error().message());
  wait_for_byte((*tree)->stdout_fd());
  const double took = milliseconds_since(start);
  (void)house.run(house.custodian->stop(*tree, "bench"));
  return took;
}

double start_bare() {
  const auto start = Clock::now();
  int in[2], out[2];
  if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, in[0], 0);
  ::posix_spawn_file_actions_adddup2(&actions, out[1], 1);
  char path[] = HOLDFAST_BENCH_BLOCKER;
  char* const argv[] = {path, nullptr};
  pid_t pid = 0;
  if (::posix_spawn(&pid, path, &actions, nullptr, argv, environ) != 0)
    throw std::runtime_error("posix_spawn");
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(in[0]);
  ::close(out[1]);
  wait_for_byte(out[0]);
  const double took = milliseconds_since(start);
  ::close(in[1]);
  ::close(out[0]);
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  return took;
}

nlohmann::json pairs(test::House& house, const std::string& title) {
  Samples ours, bare;
  for (int i = 0; i < kRounds; ++i) {  // in turn, so that a drifting machine hits both alike
    bare.add(start_bare());
    ours.add(start_in_custody(house));
  }
  const double extra = ours.quantile(0.5) - bare.quantile(0.5);
  say("start " + title + ": custody p50 " + figure(ours.quantile(0.5)) + " ms, posix_spawn p50 " +
      figure(bare.quantile(0.5)) + " ms, extra " + figure(extra) + " ms (goal: at most 1.5)");
  return {{"custody", ours.json()}, {"posix_spawn", bare.json()}, {"extra_p50_ms", extra}};
}

}  // namespace

nlohmann::json bench_start() {
  nlohmann::json report;
  test::House house{config::Config{}};
  report["rung"] = to_string(house.custodian->rung().rung);
  report["small"] = pairs(house, "small");
  void* memory = ::mmap(nullptr, kLarge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::runtime_error("mmap of 2 GB");
  for (std::size_t at = 0; at < kLarge; at += 4096) static_cast<char*>(memory)[at] = 1;
  report["holding_2GB"] = pairs(house, "holding 2 GB");
  ::munmap(memory, kLarge);
  return report;
}

}  // namespace holdfast::bench
