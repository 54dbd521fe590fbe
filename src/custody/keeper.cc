#include "custody/keeper.h"

#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <span>

#include "base/mutant.h"
#include "os/leaf_below.h"
#include "os/process.h"
#include "os/signals.h"

namespace holdfast::custody {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kTermBudget{100};     // politeness to a fork bomb would take seconds
constexpr milliseconds kRefusedPause{1000};  // between passes at members that are not ours to signal
constexpr int kWalksPerPass = 4;

// For init to tell how the leader ended. It waits for nothing but the processor, unless somebody holds it.
constexpr milliseconds kInitsWord{2000};

// A shell's background child holds our pipes for the moment until it has opened its own: who was taken for an
// heir is looked at again.
constexpr std::array kLooks{milliseconds(20), milliseconds(200), milliseconds(2000)};

// 2 ms while killing is young, then ever slower: what survives fifty passes is not waiting for us.
milliseconds pause_after(int passes) {
  if (passes < 50) return milliseconds(2);
  return passes < 100 ? milliseconds(10) : milliseconds(50);
}

}  // namespace

Keeper::Keeper(const KeeperOptions& options, Birth birth, UniqueFd signals)
    : options_(options),
      signals_(std::move(signals)),
      leader_(std::move(birth.leader)),
      init_(std::move(birth.init)),
      in_(birth.in),
      out_(birth.out),
      members_(os::own_pid(), os::CgroupLeaf(UniqueFd(options.leaf ? kLeafFd : -1)), {}, init_.pid()) {
  const KeeperDatagram started{.kind = KeeperMessage::started,
                               .a = leader_.pid(),
                               .b = static_cast<std::int64_t>(birth.start_ticks),
                               .c = birth.poisoned ? 1 : 0};
  say(started, options_.face ? leader_.get() : -1);
  if (!options_.leaf) return;
  (void)os::lock_descriptor(kLeafFd, false);  // in use: whoever finds the leaf by its name alone asks first
  if (auto events = members_.leaf().events_fd()) {
    events_ = std::move(*events);
    (void)os::CgroupLeaf::populated_again(events_.get());
  }
}

int Keeper::run() {
  for (;;) {
    reap();
    const bool quiet = state_ == LadderState::serving && !leader_end_;
    if (!quiet && members_.empty()) {
      // Who died since reap() was seen dead, not reaped: it would stay a zombie of the gateway, its status
      // lost.
      reap();
      note_leader();
      step(LadderEvent::empty);
      leave();
      return kKeeperEmpty;
    }
    note_leader();
    note_successor();
    if (Clock::now() >= deadline_) step(LadderEvent::deadline);
    if (gave_up_) return kKeeperGaveUp;
    if (state_ == LadderState::kill && Clock::now() >= next_pass_) kill_passes();
    wait();
  }
}

void Keeper::step(LadderEvent event) {
  const LadderState before = state_;
  const LadderStep next = advance(state_, event);
  state_ = next.next;
  arm(next.grace, next.entered);
  if (!next.entered) return;
  if (state_ != before) {
    enter(event);
  } else if (state_ == LadderState::kill) {  // patience is over and they still live
    say_unkillable(members_.kill(), false);
    gave_up_ = gateway_gone_;
  }
}

void Keeper::arm(Grace grace, bool entered) {
  if (grace == Grace::keep) return;
  Clock::time_point deadline = Clock::time_point::max();
  const auto now = Clock::now();
  if (grace == Grace::eof) deadline = now + eof_;
  if (grace == Grace::term) deadline = now + term_;
  if (grace == Grace::lost) deadline = now + options_.lost;
  if (grace == Grace::left) deadline = now + options_.left;
  if (grace == Grace::patience) deadline = now + options_.patience;
  deadline_ = entered ? deadline : std::min(deadline_, deadline);
}

void Keeper::enter(LadderEvent why) {
  if (state_ == LadderState::eof || state_ == LadderState::term || state_ == LadderState::kill)
    say(KeeperMessage::stopping, static_cast<std::int64_t>(state_), static_cast<std::int64_t>(why));
  if (state_ == LadderState::term) {
    reap();
    terminated_ += members_.terminate(kTermBudget).signalled;
  }
  if (state_ == LadderState::kill) next_pass_ = Clock::now();
}

void Keeper::kill_passes() {
  Members::Pass pass;
  for (int i = 0; i < kWalksPerPass; ++i) {
    reap();
    pass = members_.kill();
    if (pass.signalled == 0) break;
  }
  ++passes_;
  const bool refused = pass.refused > 0 && pass.signalled == 0;
  next_pass_ = Clock::now() + (refused ? kRefusedPause : pause_after(passes_));
  if (refused) say_unkillable(pass, true);
}

// Every child that is dead, known or adopted, before anybody walks: zombies would be walked over and over.
void Keeper::reap() {
  for (int i = 0; i < kReapsPerRound; ++i) {
    const auto ended = os::wait_child(-1);
    if (!ended || ended->pid == 0) break;
    if (ended->signal == SIGKILL && state_ == LadderState::kill) ++killed_;
    if (!leader_end_ && ended->pid == leader_.pid()) leader_end_ = *ended;
  }
  if (!leader_end_ && leader_.exited()) ask_for_leader_end();
}

// It is dead, and was not among them.
void Keeper::ask_for_leader_end() {
  if (init_) {
    leader_end_ = init_.leader_end(leader_.pid());
    if (!leader_end_ && word_by_ == Clock::time_point::max()) word_by_ = Clock::now() + kInitsWord;
    if (leader_end_ || Clock::now() < word_by_) return;
  }
  // It may have died since; if the kernel still keeps the status, a tracer holds it, and it will not come
  // while we can wait for it.
  const auto ended = os::wait_child(leader_.pid());
  if (ended && ended->pid != 0) {
    leader_end_ = *ended;
    if (ended->signal == SIGKILL && state_ == LadderState::kill) ++killed_;
  } else if (state_ == LadderState::kill) {
    leader_end_ = os::Waited{.pid = leader_.pid(), .signal = SIGKILL};
  } else {
    leader_end_ = os::Waited{.pid = leader_.pid(), .code = 255};
  }
}

void Keeper::note_leader() {
  if (!leader_end_ || leader_noted_) return;
  leader_noted_ = true;
  leader_ = {};
  const bool alone = members_.empty();
  const bool may_hand = state_ == LadderState::serving || state_ == LadderState::eof;
  if (!alone && may_hand && leader_end_->signal == 0 && leader_end_->code == 0)
    successor_ = members_.holder_of(in_, out_);
  if (successor_) look_again_ = Clock::now() + kLooks[0];
  say(KeeperMessage::leader_exited, leader_end_->code, leader_end_->signal, successor_ ? 1 : 0);
  if (!alone && !members_.empty()) step(successor_ ? LadderEvent::leader_handed : LadderEvent::leader_left);
}

void Keeper::note_successor() {
  if (!successor_) return;
  const bool look = Clock::now() >= look_again_;
  if (!look && !successor_.exited()) return;
  if (look) look_again_ = ++looks_ < kLooks.size() ? Clock::now() + kLooks[looks_] : Clock::time_point::max();
  successor_ = members_.holder_of(in_, out_);
  if (!successor_) step(LadderEvent::successor_left);
}

void Keeper::wait() {
  const bool asking = !leader_end_ && word_by_ != Clock::time_point::max();  // the leader's pidfd stays ready
  const auto until = std::min({deadline_, asking ? word_by_ : Clock::time_point::max(),
                               successor_ ? look_again_ : Clock::time_point::max(),
                               state_ == LadderState::kill ? next_pass_ : Clock::time_point::max()});
  milliseconds timeout{-1};
  if (until != Clock::time_point::max()) {
    const auto rest = std::chrono::ceil<milliseconds>(until - Clock::now());
    timeout = std::clamp(rest, milliseconds(0), milliseconds(60000));
  }
  const bool deaf = gateway_gone_ || kSwitchedOff == Mechanism::lifeline;
  const bool blind = gateway_gone_ || kSwitchedOff == Mechanism::gateway_pidfd;
  std::array set{
      os::Poll{deaf ? -1 : kLifelineFd, POLLIN | POLLRDHUP, 0},
      os::Poll{blind ? -1 : kGatewayFd, POLLIN, 0},
      os::Poll{signals_.get(), POLLIN, 0},
      os::Poll{asking ? init_.words() : leader_.get(), POLLIN, 0},
      os::Poll{successor_.get(), POLLIN, 0},
      os::Poll{events_.get(), POLLPRI, 0},
  };
  const auto ready = os::poll_all(set, timeout);
  if (!ready || *ready == 0) return;
  if (set[2].ready != 0) {
    while (os::read_signal(signals_.get()).value_or(0) != 0) {
    }
  }
  // Read again through the same descriptor, or it stays ready for ever.
  if (set[5].ready != 0) (void)os::CgroupLeaf::populated_again(events_.get());
  if (set[0].ready != 0) hear_lifeline();
  if (set[1].ready != 0) gateway_is_gone();
}

void Keeper::hear_lifeline() {
  for (;;) {
    KeeperDatagram message;
    const auto size = os::recv_message(kLifelineFd, std::as_writable_bytes(std::span(&message, 1)));
    if (!size && size.error().is_errno(EAGAIN)) return;
    if (!size || *size == 0) return gateway_is_gone();
    const auto asked = from_gateway(std::as_bytes(std::span(&message, 1)).first(*size));
    if (!asked) continue;
    heed(*asked);
    if (asked->c != 0) say(KeeperMessage::heard, asked->c);
  }
}

void Keeper::heed(const KeeperDatagram& message) {
  const bool unasked = state_ == LadderState::serving || state_ == LadderState::handed;
  if (message.kind == KeeperMessage::stop) {
    if (unasked) {
      eof_ = milliseconds(message.a);
      term_ = milliseconds(message.b);
    }
    step(LadderEvent::stop);
  } else if (message.kind == KeeperMessage::terminate) {
    if (unasked) term_ = milliseconds(message.a);
    step(static_cast<LadderEvent>(message.b));
  } else if (message.kind == KeeperMessage::signal) {
    pass_on(static_cast<int>(message.a));
  } else if (message.kind == KeeperMessage::input_back) {
    resume();
  }
}

// To the group, as a terminal would: a wrapper does not tell its child. A heir's group is not known to be its
// own.
void Keeper::pass_on(int signal) {
  if (!leader_end_ && init_) {
    init_.pass_on(signal);
  } else if (!leader_end_) {
    (void)leader_.signal_group(signal);
  } else if (successor_) {
    (void)successor_.signal(signal);
  }
}

void Keeper::resume() {
  step(LadderEvent::input_back);
  if (state_ == LadderState::serving && leader_end_) step(LadderEvent::leader_handed);
}

// The tree is gone.
void Keeper::leave() {
  if (options_.face && options_.leaf) (void)os::remove_leaf(members_.leaf());
  say(KeeperMessage::empty, terminated_, killed_);
  // A face that somebody stopped would keep its caller waiting for a command that has ended. As it lives, it
  // is our parent: its number spares us a look-up.
  if (options_.face && !gateway_gone_)
    (void)os::PidFd(UniqueFd(kGatewayFd), os::parent_pid()).signal(SIGCONT);
}

void Keeper::gateway_is_gone() {
  if (gateway_gone_) return;
  gateway_gone_ = true;
  if (kSwitchedOff != Mechanism::gateway_death) step(LadderEvent::gateway_gone);
}

void Keeper::say(KeeperMessage kind, std::int64_t a, std::int64_t b, std::int64_t c) {
  say({.kind = kind, .a = a, .b = b, .c = c});
}

void Keeper::say(const KeeperDatagram& message, int fd) {
  if (gateway_gone_) return;
  const auto bytes = std::as_bytes(std::span(&message, 1));
  // Descriptors in flight are counted, and may be refused (ETOOMANYREFS).
  if (fd < 0 || !os::send_message(kLifelineFd, bytes, fd)) (void)os::send_message(kLifelineFd, bytes);
}

void Keeper::say_unkillable(const Members::Pass& pass, bool refused) {
  const std::int64_t left = pass.signalled + pass.refused, why = refused || pass.refused == left ? 1 : 0;
  if (left == told_left_ && why == told_refused_) return;
  told_left_ = left;
  told_refused_ = why;
  say(KeeperMessage::unkillable, left, why);
}

}  // namespace holdfast::custody
