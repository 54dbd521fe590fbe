#include "innocent.h"

#include <poll.h>
#include <signal.h>

#include <array>
#include <fstream>
#include <numeric>
#include <span>

#include "os/own_world.h"
#include "os/process.h"
#include "os/procfs.h"
#include "os/signals.h"

namespace holdfast::faults {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds kLimit{5000};

// With a child of its own, and no signal but SIGKILL and SIGSTOP getting through to either.
[[noreturn]] void be_innocent(const char* name, int ready) {
  std::array<int, 31> all{};
  std::iota(all.begin(), all.end(), 1);
  if (auto signals = os::signal_fd(all)) (void)signals->release();
  (void)os::set_name(name);
  const bool parent = os::fork_as(0).value_or(0) != 0;
  os::new_session();
  if (parent) (void)os::send_message(ready, std::as_bytes(std::span("!", 1)));
  os::close_descriptors_from(0);
  for (;;) (void)os::poll_all({}, milliseconds(-1));
}

std::string harm_of(const os::PidFd& process) {
  const std::string who = std::to_string(process.pid());
  if (process.exited()) return who + " was killed";
  const auto stat = os::read_stat(process.pid());
  if (stat && stat->state == 'T') return who + " was stopped";
  std::ifstream status("/proc/" + who + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("ShdPnd:") && line.find_first_not_of("0\t", 7) != line.npos)
      return who + " got a signal: " + line;
  return {};
}

void end(const os::PidFd& process) {
  (void)process.signal(SIGKILL);
  std::array set{os::Poll{process.get(), POLLIN, 0}};
  (void)os::poll_all(set, kLimit);
  (void)os::wait_child(process.pid());
}

}  // namespace

Result<Innocent> Innocent::on(pid_t number, const char* name) {
  auto ready = os::seqpacket_pair();
  if (!ready) return forward(ready);
  auto born = os::fork_as(number);
  if (!born) return forward(born);
  if (*born == 0) be_innocent(name, ready->second.get());
  ready->second.reset();
  std::array set{os::Poll{ready->first.get(), POLLIN, 0}};
  (void)os::poll_all(set, kLimit);  // dead is ready, too: somebody was quick, and harm() will say so
  auto self = os::PidFd::open(number);
  if (!self) return forward(self);
  os::PidFd child;
  (void)os::for_each_child(number, [&](pid_t pid) {
    if (auto opened = os::PidFd::open(pid)) child = *std::move(opened);
  });
  const auto stat = os::read_stat(number);
  return Innocent(*std::move(self), std::move(child), stat ? stat->start_ticks : 0);
}

Innocent::~Innocent() {
  if (self_) end(self_);
  if (child_) end(child_);
}

std::string Innocent::harm() const {
  auto harm = harm_of(self_);
  if (harm.empty()) harm = child_ ? harm_of(child_) : "its child was never there";
  return harm;
}

}  // namespace holdfast::faults
