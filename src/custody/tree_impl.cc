#include "custody/tree_impl.h"

#include <boost/asio/post.hpp>
#include <csignal>
#include <set>
#include <utility>

#include "base/log.h"
#include "base/plural.h"
#include "custody/keeper_watch.h"
#include "os/cgroup.h"
#include "os/controllers.h"
#include "os/process.h"
#include "os/procfs.h"

namespace holdfast::custody {

namespace {

constexpr int kDeepest = 64;

void add_descendants(pid_t root, std::set<pid_t>& members, int depth = 0) {
  std::vector<pid_t> children;
  (void)os::for_each_child(root, [&](pid_t child) { children.push_back(child); });
  for (const pid_t child : children)
    if (members.insert(child).second && depth < kDeepest) add_descendants(child, members, depth + 1);
}

}  // namespace

TreeImpl::TreeImpl(asio::any_io_executor loop, LedgerEntry intent, Graces graces_, bool pidns_)
    : entry(std::move(intent)),
      graces(graces_),
      pidns(pidns_),
      spoke(loop),
      started(loop),
      acked(loop),
      exited(loop),
      settled(loop),
      loop_(loop),
      started_at_(std::chrono::system_clock::now()) {}

std::vector<pid_t> TreeImpl::members() const {
  std::set<pid_t> members;
  if (keeper && !keeper_gone && !keeper.exited()) {
    add_descendants(keeper.pid(), members);
    // Its one child is the namespace's init: custody's own, as the keeper is.
    if (pidns) (void)os::for_each_child(keeper.pid(), [&](pid_t init) { members.erase(init); });
  }
  if (!entry.leaf.empty() && state_ != TreeState::gone)
    if (const auto leaf = os::CgroupLeaf::open(entry.leaf))
      (void)leaf->for_each_member(
          [](void* set, pid_t pid) { static_cast<std::set<pid_t>*>(set)->insert(pid); }, &members);
  return {members.begin(), members.end()};
}

std::string TreeImpl::out_of_memory() const {
  if (!memory_kill_.empty() || entry.leaf.empty() || state_ == TreeState::gone) return memory_kill_;
  const auto events = os::memory_events(entry.leaf);
  if (events.killed == 0) return {};
  if (events.over == 0) return "killed by the kernel for want of memory, though not by its own cap";
  return "memory cap: its processes together wanted more than limits.memory";
}

bool TreeImpl::apply(TreeEvent event, std::string reason) {
  const TreeStep step = advance(state_, event);
  if (step.action == TreeAction::forbidden) {
    log::error("tree.forbidden", {{"tree", id()}, {"state", to_string(state_)}, {"event", to_string(event)}});
    return false;
  }
  if (step.next == state_) return false;
  const bool told_elsewhere = step.next == TreeState::active || step.next == TreeState::gone;
  log::write(told_elsewhere ? log::Level::debug : log::Level::info, "tree.state",
             {{"tree", id()},
              {"name", name()},
              {"from", to_string(state_)},
              {"to", to_string(step.next)},
              {"reason", reason}});
  state_ = step.next;
  if (state_ == TreeState::stopping) ladder_began = steady::now();
  if (ending.reason.empty() && (state_ == TreeState::orphaned || state_ == TreeState::stopping))
    ending.reason = reason;
  reason_ = std::move(reason);
  if (step.action == TreeAction::retire)
    tell([](const Watcher& w) {
      if (w.retiring) w.retiring();
    });
  if (step.action == TreeAction::report) {
    log::warn("tree.unkillable", {{"tree", id()}, {"name", name()}, {"reason", reason_}});
    settled.set();
  }
  return true;
}

void TreeImpl::adopt(Launched launched) {
  keeper = std::move(launched.keeper);
  leaf_id = launched.leaf_id;
  in_ = std::move(launched.in);
  out_ = std::move(launched.out);
  err_ = std::move(launched.err);
  keeper_watch.emplace(loop_);
  lifeline.emplace(loop_);
  boost::system::error_code ec;
  (void)keeper_watch->assign(keeper.get(), ec);  // lent: released before `keeper` closes it
  if (!ec) (void)lifeline->assign(launched.lifeline.get(), ec);
  if (!ec) {
    (void)launched.lifeline.release();
    return;
  }
  // The lifeline closes, and the keeper knows what that means; tend() looks after it by the clock.
  start_error = Error{{ec.value(), std::system_category()}, "epoll_ctl", std::string_view(entry.name)};
  spoke.set();
}

bool TreeImpl::hear() {
  while (lifeline && lifeline->is_open()) {
    KeeperDatagram message;
    const auto got =
        os::recv_message(lifeline->native_handle(), std::as_writable_bytes(std::span(&message, 1)));
    if (!got) return got.error().is_errno(EAGAIN) || got.error().is_errno(EINTR);
    if (*got == 0) return false;
    if (const auto said = from_keeper(std::as_bytes(std::span(&message, 1)).first(*got)))
      heed(*said);
    else
      log::error("keeper.protocol", {{"tree", id()}, {"bytes", *got}, {"version", message.version}});
  }
  return false;
}

void TreeImpl::heed(const KeeperDatagram& message) {
  switch (message.kind) {
    case KeeperMessage::stop:
    case KeeperMessage::terminate:
    case KeeperMessage::signal:
    case KeeperMessage::input_back:
    case KeeperMessage::heard:
      break;  // not for us
    case KeeperMessage::started:
      leader = static_cast<pid_t>(message.a);
      leader_ticks = static_cast<std::uint64_t>(message.b);
      poisoned = message.c != 0;
      running = true;
      spoke.set();
      break;
    case KeeperMessage::spawn_failed:
      start_error =
          Error{{static_cast<int>(message.a), std::system_category()}, "", std::string_view(entry.name)};
      failed_step = message.b;
      spoke.set();
      break;
    case KeeperMessage::leader_exited:
      leader_is_gone(message);
      break;
    case KeeperMessage::stopping:
      acked.set();
      if (!asked && running && !leader_left) {  // its own decision: the last that held our pipes has gone
        leader_left = true;
        spoke.set();
        if (started.is_set()) apply(TreeEvent::leader_left, "nobody holds its pipes any more");
      }
      break;
    case KeeperMessage::unkillable:
      acked.set();
      if (state_ == TreeState::stopping)
        apply(TreeEvent::give_up,
              message.b != 0
                  ? counted(message.a, "member belongs to another user", "members belong to another user")
                  : counted(message.a, "member does not die", "members do not die"));
      break;
    case KeeperMessage::empty:
      said_empty = true;
      acked.set();
      ending.terminated = static_cast<int>(message.a);
      ending.killed = static_cast<int>(message.b);
      break;
  }
}

void TreeImpl::leader_is_gone(const KeeperDatagram& message) {
  const ExitStatus status{.code = static_cast<int>(message.a), .signal = static_cast<int>(message.b)};
  const bool served_on = message.c != 0;
  ending.leader = status;
  log::info("tree.leader_exited",
            {{"tree", id()}, {"name", name()}, {"status", to_string(status)}, {"served_on", served_on}});
  // Its leaf will not be there for long. A SIGKILL of our own ladder has nothing to do with memory.
  if (status.signal == SIGKILL && state_ != TreeState::stopping) memory_kill_ = out_of_memory();
  tell([status, served_on](const Watcher& w) {
    if (w.leader_exited) w.leader_exited(status, served_on);
  });
  if (served_on) return;
  leader_left = true;
  spoke.set();
  if (!started.is_set()) return;
  const bool capped = !memory_kill_.empty();
  apply(TreeEvent::leader_left, capped ? memory_kill_ : "the server ended by itself: " + to_string(status));
}

void TreeImpl::note_stopped_keeper() {
  const auto now = steady::now();
  if (now - first_stop_ > std::chrono::seconds(1)) {
    first_stop_ = now;
    stops_ = 0;
  }
  ++stops_;
  log::warn("keeper.stopped", {{"tree", id()}, {"pid", keeper.pid()}, {"times", stops_}});
  (void)keeper.signal(stops_ >= kMostStops ? SIGKILL : SIGCONT);
}

void TreeImpl::watch(Watcher watcher) {
  watcher_ = std::move(watcher);
  watched_ = true;
  if (!news_.empty()) asio::post(loop_, [self = shared_from_this()] { self->flush(); });
}

void TreeImpl::tell(std::function<void(const Watcher&)> news) {
  news_.push_back(std::move(news));
  if (watched_) flush();
}

void TreeImpl::flush() {
  while (!news_.empty()) {
    const auto next = std::move(news_.front());
    news_.pop_front();
    const Watcher current = watcher_;  // it may be replaced by what it does
    next(current);
  }
}

void TreeImpl::let_go() {
  if (keeper_watch) (void)keeper_watch->release();
  keeper_watch.reset();
  keeper = os::PidFd(UniqueFd(), keeper.pid());
  if (!lifeline) return;
  boost::system::error_code ignored;
  (void)lifeline->close(ignored);  // the object stays: its reader looks at it once more
}

void TreeImpl::bury() {
  if (std::exchange(buried_, true)) return;
  if (ladder_began == steady::time_point{}) ladder_began = steady::now();
  ending.took = std::chrono::duration_cast<milliseconds>(steady::now() - ladder_began);
  ending.polite = ending.terminated == 0 && ending.killed == 0;
  let_go();
  // What the server wrote last is still in the pipes: they go when the watcher has been told.
  tell([this](const Watcher& w) {
    if (w.gone) w.gone(ending);
    in_.reset();
    out_.reset();
    err_.reset();
    watcher_ = {};
  });
  settled.set();
}

}  // namespace holdfast::custody
