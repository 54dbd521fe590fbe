#include "custody/face.h"

#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "custody/keeper_watch.h"
#include "os/leaf_below.h"
#include "os/process.h"
#include "os/procfs.h"
#include "os/signals.h"

namespace holdfast::custody {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kUnborn{2000};  // before the server runs the keeper may wait for a slow disk
constexpr milliseconds kFifoLook{50};
constexpr int kSignalsPerRound = 16;
constexpr int kMostUnheard = 32;

}  // namespace

int Face::run() {
  report_.begin = FaceReport::Clock::now();
  report_.started_at = std::chrono::system_clock::now();
  report_.command = options_.command;
  int failed = get_ready();
  do {
    if (failed == 0) failed = begin();
    if (failed != 0) return failed;
    serve();
    finish();
  } while (again());
  return conclude();
}

// Not inlined, nor is begin(): what they leave on the stack is given back before the long wait.
[[gnu::noinline]] int Face::get_ready() {
  if (auto ready = prepare(); !ready) return fail(kRunFailed, ready.error());
  if (options_.time.count() > 0) time_over_ = Clock::now() + options_.time;
  return 0;
}

[[gnu::noinline]] int Face::begin() {
  if (auto begun = start(); !begun) return fail(kRunFailed, begun.error());
  return 0;
}

void Face::serve() {
  while (!gave_up_) {
    std::array set{
        os::Poll{keeper_.lifeline.get(), POLLIN, 0}, os::Poll{keeper_.process.get(), POLLIN, 0},
        os::Poll{signals_.get(), POLLIN, 0},         os::Poll{input_watched_ ? 0 : -1, POLLRDHUP, 0},
        os::Poll{caller_.get(), POLLIN, 0},          os::Poll{keeper_.leader.get(), POLLIN, 0},
    };
    const auto ready = os::poll_all(set, timeout());
    if (!ready) return;  // no memory: the tree is ended without us having to look
    if (set[2].ready != 0) note_signals();
    if (set[0].ready != 0) hear();
    if (set[1].ready != 0) return;
    // The input before the caller: a caller that dies ends its input too, and that leaves the server its
    // grace.
    if (set[3].ready != 0) note_input(set[3].ready);
    if (set[4].ready != 0) note_caller();
    if (set[5].ready != 0) note_silent_leader();
    note_time(Clock::now());
    if (keeper_.started && !std::exchange(settled_, true)) os::release_stack();
  }
}

Face::milliseconds Face::timeout() const {
  const auto next = std::min({keeper_.press_at, time_over_, look_at_});
  if (next == Clock::time_point::max()) return milliseconds(-1);
  const auto rest = std::chrono::ceil<milliseconds>(next - Clock::now());
  return std::clamp(rest, milliseconds(0), milliseconds(60000));
}

void Face::hear() {
  for (;;) {
    KeeperDatagram message;
    UniqueFd fd;
    const auto size =
        os::recv_message(keeper_.lifeline.get(), std::as_writable_bytes(std::span(&message, 1)), fd);
    if (!size && size.error().is_errno(EAGAIN)) return;
    if (!size || *size == 0) return keeper_.lifeline.reset();  // its exit is told by its pidfd
    if (const auto said = from_keeper(std::as_bytes(std::span(&message, 1)).first(*size)))
      heed(*said, std::move(fd));
  }
}

void Face::heed(const KeeperDatagram& message, UniqueFd fd) {
  switch (message.kind) {
    case KeeperMessage::started:
      return note_started(static_cast<pid_t>(message.a), std::move(fd));
    case KeeperMessage::spawn_failed:
      keeper_.spawn_step = message.b;
      return note_spawn_error(static_cast<os::SpawnStep>(message.b), static_cast<int>(message.a));
    case KeeperMessage::leader_exited:
      keeper_.leader_end = os::Waited{.pid = keeper_.leader_pid,
                                      .code = static_cast<int>(message.a),
                                      .signal = static_cast<int>(message.b)};
      keeper_.leader = {};
      if (message.c == 0) let_go_of_input();  // nobody was handed it
      return;
    case KeeperMessage::stopping:
      keeper_.ladder = static_cast<LadderState>(message.a);
      report_.enter(keeper_.ladder, static_cast<LadderEvent>(message.b));
      if (keeper_.ladder != LadderState::eof) let_go_of_input();
      return;
    case KeeperMessage::unkillable:
      return give_up(message.a, message.b != 0);
    case KeeperMessage::empty:
      keeper_.said_empty = true;
      report_.terminated = message.a;
      report_.killed = message.b;
      return;
    case KeeperMessage::heard:
      return note_heard(message.a);
    case KeeperMessage::stop:
    case KeeperMessage::terminate:
    case KeeperMessage::signal:
    case KeeperMessage::input_back:
      return;  // ours
  }
}

void Face::note_spawn_error(os::SpawnStep step, int number) {
  FixedString<64> what("--isolation=pidns: ");
  keeper_.spawn_error = os::of_namespace(step)
                            ? sys_error("", what.append(os::to_string(step)).view(), number).error()
                            : sys_error("", options_.command[0], number).error();
}

// A keeper that answers what was asked first is not held, however much has been asked since.
void Face::note_heard(std::int64_t number) {
  if (number < keeper_.awaited || keeper_.press_at == Clock::time_point::max()) return;
  keeper_.pressed = 0;
  keeper_.awaited = number + 1;
  keeper_.press_at = number == keeper_.asked ? Clock::time_point::max() : Clock::now() + kAcknowledge;
}

void Face::note_started(pid_t leader, UniqueFd handle) {
  keeper_.started = true;
  keeper_.leader_pid = leader;
  keeper_.leader = os::PidFd(std::move(handle), leader);
  report_.pid = leader;
  // The command's output is not ours to keep open; errors of ours are still to be told.
  if (const auto null = os::open_null()) (void)os::replace_descriptor(1, null->get());
  // What was asked before it could hear is due now.
  if (keeper_.press_at != Clock::time_point::max()) keeper_.press_at = Clock::now() + kAcknowledge;
  // While the command works: what earlier runs, killed together with their keepers, have left.
  if (own_cgroup_) (void)os::sweep_leaves_below(own_cgroup_.get(), kFaceLeaf);
  own_cgroup_.reset();
}

void Face::note_signals() {
  for (int i = 0; i < kSignalsPerRound; ++i) {  // a storm must not keep us from what the keeper says
    const int number = os::read_signal(signals_.get()).value_or(0);
    if (number == 0) return;
    if (number == SIGCHLD) {
      note_children();
    } else if (number == SIGCONT) {
      // Also our parent-death signal. It comes when the *thread* that forked us ends, so it only makes us
      // look.
      if (caller_pid_ > 1 && os::parent_pid() != caller_pid_) note_caller();
    } else if (number == SIGTERM || number == SIGHUP) {
      because("signal", number);
      // SIGTERM goes to everybody by the ladder, and to nobody twice: to some programs a second one means
      // force.
      if (number == SIGHUP) ask(KeeperMessage::signal, number);
      terminate(LadderEvent::terminate);
    } else {
      if (!keeper_.started) early_signals_ |= os::signal_bit(number);
      ask(KeeperMessage::signal, number);
    }
  }
}

// Only the keeper is asked about here; its exit is told by its pidfd, and reaping waits for that.
void Face::note_children() {
  for (;;) {
    const auto stopped = os::stopped_child();
    if (!stopped || *stopped == 0) break;
    if (*stopped != keeper_.process.pid()) continue;
    const auto now = Clock::now();
    if (now - keeper_.first_stop > std::chrono::seconds(1)) {
      keeper_.first_stop = now;
      keeper_.stops = 0;
    }
    (void)keeper_.process.signal(++keeper_.stops >= kMostStops ? SIGKILL : SIGCONT);
  }
  reap();
}

void Face::note_input(short ready) {
  const bool hung_up = (ready & (POLLHUP | POLLRDHUP)) != 0;
  input_watched_ = false;  // it would stay ready for ever
  // Anything else says that there never was an input: its other end is no writer's.
  if (!hung_up) return;
  input_ended_ = true;
  because("end_of_input");
  ask(KeeperMessage::stop, options_.eof.count(), options_.term.count());
  if (input_is_fifo_) look_at_ = Clock::now() + kFifoLook;
}

// The hang-up of a FIFO is not its end: somebody may open it for writing once more.
void Face::look_for_a_writer() {
  look_at_ = Clock::time_point::max();
  if (!input_ended_ || terminate_asked_ || keeper_.ladder > LadderState::eof) return;
  std::array set{os::Poll{0, POLLRDHUP, 0}};
  (void)os::poll_all(set, milliseconds(0));
  if ((set[0].ready & (POLLHUP | POLLNVAL)) != 0) {
    look_at_ = Clock::now() + kFifoLook;
    return;
  }
  watch_input_again();
  keeper_.ladder = LadderState::serving;
  ask(KeeperMessage::input_back);
}

// As if it had not ended: it has a writer, or it is another keeper that is to hear of its end.
void Face::watch_input_again() {
  input_ended_ = false;
  input_watched_ = true;
  look_at_ = Clock::time_point::max();
  report_.ended_by = "command";
}

void Face::let_go_of_input() {
  if (input_watched_ || input_ended_) {
    if (const auto null = os::open_null()) (void)os::replace_descriptor(0, null->get());
  }
  input_watched_ = input_ended_ = false;
  look_at_ = Clock::time_point::max();
}

void Face::note_caller() {
  if (caller_gone_) return;
  caller_gone_ = true;
  caller_ = {};
  because("caller_gone");
  terminate(LadderEvent::caller_gone);
}

// The leader has ended and its keeper, who should tell, may be held by a tracer: it is asked whether it
// hears.
void Face::note_silent_leader() {
  keeper_.leader = {};
  ask(KeeperMessage::signal, 0);
}

void Face::note_time(Clock::time_point now) {
  if (now >= look_at_) look_for_a_writer();
  if (now >= time_over_) {
    time_over_ = Clock::time_point::max();
    because("time_over");
    terminate(LadderEvent::terminate);
  }
  if (now >= keeper_.press_at) press(now);
}

// The first cause counts; what follows from it is not another one.
void Face::because(std::string_view cause, int signal) {
  if (report_.ended_by != "command" || keeper_.leader_end) return;
  report_.ended_by = cause;
  report_.signal = signal;
}

void Face::terminate(LadderEvent why) {
  terminate_asked_ = terminate_asked_ || why == LadderEvent::terminate;
  ask(KeeperMessage::terminate, options_.term.count(), static_cast<std::int64_t>(why));
}

void Face::ask(KeeperMessage kind, std::int64_t a, std::int64_t b) {
  if (!keeper_.lifeline) return;
  // A keeper that is behind gets no more signals: they would fill its lifeline, and what found no room would
  // be awaited for ever. They coalesce, as pending ones do.
  const bool behind =
      keeper_.press_at != Clock::time_point::max() && keeper_.asked - keeper_.awaited >= kMostUnheard;
  if (kind == KeeperMessage::signal && behind) return;
  const KeeperDatagram message{.kind = kind, .a = a, .b = b, .c = ++keeper_.asked};
  (void)os::send_message(keeper_.lifeline.get(), std::as_bytes(std::span(&message, 1)));
  if (keeper_.press_at != Clock::time_point::max()) return;
  keeper_.pressed = 0;
  keeper_.awaited = keeper_.asked;
  keeper_.press_at = Clock::now() + (keeper_.started ? kAcknowledge : kUnborn);
}

// It does not answer. A stopped keeper is continued, a held one is ended: then the tree is ours.
void Face::press(Clock::time_point now) {
  ++keeper_.pressed;
  (void)keeper_.process.signal(SIGCONT);
  keeper_.press_at = now + kAcknowledge;
  if (keeper_.pressed == 1) return;
  if (keeper_.pressed == 2 && only_starved(keeper_.process.pid())) {
    keeper_.press_at = now + kStarved;
    return;
  }
  (void)keeper_.process.signal(SIGKILL);
  keeper_.press_at = Clock::time_point::max();
}

}  // namespace holdfast::custody
