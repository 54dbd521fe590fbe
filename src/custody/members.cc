#include "custody/members.h"

#include <signal.h>

#include <algorithm>

#include "base/mutant.h"
#include "os/descriptors.h"
#include "os/procfs.h"

namespace holdfast::custody {
namespace {

using std::chrono::steady_clock;

// Sends the signals in turn; counts a member once.
void send(const os::PidFd& member, std::initializer_list<int> signals, Members::Pass& pass) {
  if (member.exited()) return;
  bool reached = false, refused = false;
  for (const int number : signals) {
    const auto sent = member.signal(number);
    reached = reached || (sent && *sent);
    refused = refused || (!sent && sent.error().is_errno(EPERM));
  }
  pass.signalled += reached ? 1 : 0;
  pass.refused += refused ? 1 : 0;
}

bool holds(pid_t pid, int fd, const PipeEnd& end) {
  return end.same_as(PipeEnd::of(os::stat_descriptor(pid, fd)));
}

}  // namespace

PipeEnd PipeEnd::of(const Result<struct stat>& info) {
  if (!info || (!S_ISFIFO(info->st_mode) && !S_ISSOCK(info->st_mode))) return {};
  return {info->st_dev, info->st_ino, true};
}

bool PipeEnd::same_as(const PipeEnd& other) const {
  return known && other.known && device == other.device && inode == other.inode;
}

void Members::push(pid_t pid) {
  // Once each: whose parent died under the walk turns up again at its next one.
  if (size_ < queue_.size() && !listed(pid)) queue_[size_++] = pid;
}

bool Members::listed(pid_t pid) const {
  for (std::size_t i = 0; i < size_; ++i) {
    if (queue_[i] == pid) return true;
  }
  return false;
}

// `visit(member)` for every descendant, parents first, until it returns false. Each one's children are listed
// before it is touched: a signal may end it and send them elsewhere.
template <class F>
void Members::walk(F&& visit) {
  size_ = 0;
  (void)os::for_each_child(self_, [this](pid_t child) { push(child); });
  const std::size_t direct = size_;
  for (std::size_t i = 0; i < size_; ++i) {
    const pid_t pid = queue_[i];
    auto member = os::PidFd::open(pid);
    if (!member || is_stranger(pid)) continue;
    (void)os::for_each_child(pid, [this](pid_t child) { push(child); });
    // A direct child is ours until we reap it, and nobody else does. Any other number may have changed hands
    // since it was read: now that a handle holds it, look where it belongs.
    const bool proven = i < direct || os::is_descendant(pid, self_);
    if (!proven && kSwitchedOff != Mechanism::descent) continue;
    if (!visit(*member)) return;
  }
}

Members::Pass Members::terminate(std::chrono::milliseconds budget) {
  Pass pass;
  const auto end = steady_clock::now() + budget;
  if (leaf_) (void)leaf_.thaw();
  walk([&](const os::PidFd& member) {
    if (member.pid() != init_) send(member, {SIGTERM, SIGCONT}, pass);
    return steady_clock::now() < end;
  });
  // Nobody gets a second SIGTERM: to some programs it means force. Only what the walk did not see is left.
  if (leaf_) {
    (void)leaf_.for_each_verified([&](const os::PidFd& member) {
      if (!listed(member.pid())) send(member, {SIGTERM, SIGCONT}, pass);
      return steady_clock::now() < end;
    });
  }
  return pass;
}

Members::Pass Members::kill() {
  Pass pass;
  int in_leaf = 0;
  if (leaf_) in_leaf = leaf_.kill_pass().value_or(0);
  // With a leaf too: a member may have moved out of it, but never out of its ancestry.
  walk([&](const os::PidFd& member) {
    send(member, {SIGKILL}, pass);
    return true;
  });
  pass.signalled = std::max(pass.signalled, in_leaf);  // most were reached by both
  return pass;
}

// Asked while a handle holds the process.
bool Members::is_stranger(pid_t pid) const {
  if (!strangers_) return false;
  const auto stat = os::read_stat(pid);
  return stat && (stat->session == strangers_->session || stat->start_ticks < strangers_->born_before);
}

bool Members::all_children_dead() const {
  bool dead = true;
  const auto shortages = os::descriptor_shortages();
  (void)os::for_each_child(self_, [&](pid_t child) {
    if (!dead) return;
    const auto member = os::PidFd::open(child);
    dead = member && (member->exited() || is_stranger(child));
  });
  return dead && os::descriptor_shortages() == shortages;
}

bool Members::empty() const {
  // The second look: what a child left behind came to us before the child was seen dead, but perhaps after
  // the list was read.
  if (os::has_child() && !(all_children_dead() && all_children_dead())) return false;
  if (!leaf_) return true;
  const auto populated = leaf_.populated();
  return populated && !*populated;
}

os::PidFd Members::holder_of(const PipeEnd& in, const PipeEnd& out) {
  os::PidFd found;
  auto look = [&](const os::PidFd& member) {
    if (member.exited() || !holds(member.pid(), 0, in) || !holds(member.pid(), 1, out)) return true;
    // Still alive after its number was used to look: it was this one that we saw.
    if (member.exited()) return true;
    if (auto again = os::PidFd::open(member.pid()); again && !member.exited()) found = std::move(*again);
    return !found;
  };
  walk(look);
  if (!found && leaf_) (void)leaf_.for_each_verified(look);
  return found;
}

}  // namespace holdfast::custody
