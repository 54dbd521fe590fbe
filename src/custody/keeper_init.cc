#include "custody/keeper_init.h"

#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>

#include "base/mutant.h"
#include "custody/keeper.h"
#include "custody/keeper_protocol.h"
#include "os/namespaces.h"
#include "os/process.h"
#include "os/signals.h"
#include "os/spawn.h"

namespace holdfast::custody {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kExit{200};

// What init hears: news of children, and what it passes on to the server.
constexpr std::array kHeard{SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH};

bool readable(int fd, milliseconds limit) {
  std::array set{os::Poll{fd, POLLIN, 0}};
  return os::poll_all(set, limit).value_or(0) > 0;
}

std::span<std::byte> bytes_of(KeeperDatagram& message) {
  return std::as_writable_bytes(std::span(&message, 1));
}

// ---- inside ----

// The keeper's end of `words` is closed by its death before the kernel sends death signals: who still finds
// it open will get its own.
Result<void> die_with_keeper(int words) {
  if (kSwitchedOff == Mechanism::init_dies_with_keeper) return {};
  if (auto done = os::set_parent_death_signal(SIGKILL); !done) return done;
  KeeperDatagram none;
  const auto size = os::recv_message(words, bytes_of(none));
  if (size && *size == 0) os::end_process(kKeeperNoServer);
  return {};
}

struct Inside {
  Birth birth;
  UniqueFd signals;
};

// The death signal after the ids: a change of them clears it (PR_SET_PDEATHSIG(2const)).
Result<void> settle_in(const os::InitBirth& born) {
  if (auto done = os::keep_own_ids(born); !done) return done;
  if (auto done = os::mount_own_proc(); !done) return done;
  return die_with_keeper(kLifelineFd);
}

Result<Inside> move_in(const os::InitBirth& born, const KeeperOptions& options, char** environment,
                       std::int64_t& step) {
  if (auto done = settle_in(born); !done) {
    step = static_cast<std::int64_t>(os::spawn_step(done.error()));
    return forward(done);
  }
  (void)os::set_undumpable();
  (void)os::set_name("holdfast-init");
  auto signals = os::signal_fd(kHeard);
  if (!signals) return forward(signals);
  auto birth = start_server(options, environment, step);
  if (!birth) return forward(birth);
  return Inside{*std::move(birth), *std::move(signals)};
}

// Nobody is reaped before the keeper has the server's pidfd: until then its number is its own.
void tell_birth(const Birth& birth) {
  const KeeperDatagram word{.kind = KeeperMessage::started,
                            .a = birth.leader.pid(),
                            .b = static_cast<std::int64_t>(birth.start_ticks),
                            .c = birth.poisoned ? 1 : 0};
  (void)os::send_message(kLifelineFd, std::as_bytes(std::span(&word, 1)), birth.leader.get());
  KeeperDatagram go;
  (void)readable(kLifelineFd, milliseconds(-1));
  const auto size = os::recv_message(kLifelineFd, bytes_of(go));
  if (!size || *size == 0) os::end_process(kKeeperNoServer);
}

void tell_end(const os::Waited& end, bool alone) {
  const KeeperDatagram word{
      .kind = KeeperMessage::leader_exited, .a = end.code, .b = end.signal, .c = alone ? 1 : 0};
  (void)os::send_message(kLifelineFd, std::as_bytes(std::span(&word, 1)));
}

void pass_signals_on(int signals, const os::PidFd& leader, bool leader_lives) {
  (void)readable(signals, milliseconds(-1));
  while (const int number = os::read_signal(signals).value_or(0)) {
    if (number != SIGCHLD && leader_lives) (void)leader.signal_group(number);
  }
}

// As long as anybody is left: every orphan of the namespace is ours.
[[noreturn]] void reap_for_ever(const Inside& inside) {
  const os::PidFd& leader = inside.birth.leader;
  std::optional<os::Waited> end;
  for (bool told = false;;) {
    bool alone = false;
    for (int i = 0; i < kReapsPerRound; ++i) {
      const auto ended = os::wait_child(-1);
      alone = !ended;
      if (!ended || ended->pid == 0) break;
      if (ended->pid == leader.pid()) end = *ended;
    }
    if (end && !told) {
      told = true;
      tell_end(*end, alone);
    }
    if (alone) os::end_process(end->signal != 0 ? 128 + end->signal : end->code);
    pass_signals_on(inside.signals.get(), leader, !end);
  }
}

[[noreturn]] void run_init(const os::InitBirth& born, int words, const KeeperOptions& options, int argc,
                           char** argv, char** environment) {
  // A copy of the keeper's lifeline, held here, would hide the keeper's death from the gateway.
  (void)os::replace_descriptor(kLifelineFd, words);
  os::close_descriptor(kGatewayFd);
  os::close_descriptors_from(options.leaf ? kLeafFd + 1 : kLeafFd);
  auto step = static_cast<std::int64_t>(os::SpawnStep::pid_namespace);
  auto inside = move_in(born, options, environment, step);
  if (!inside) {
    tell_failure(inside.error(), step);
    os::end_process(kKeeperNoServer);
  }
  tell_birth(inside->birth);
  let_go(options, "holdfast-init ", argc, argv, environment);
  os::release_stack();
  reap_for_ever(*inside);
}

// ---- outside ----

Result<Birth> hear_birth(int words, std::int64_t& step) {
  Birth birth;
  birth.in = PipeEnd::of(os::stat_open(0));
  birth.out = PipeEnd::of(os::stat_open(1));
  KeeperDatagram word;
  UniqueFd fd;
  // Where its program lies on a file system that does not answer, it never says a word.
  std::array either{os::Poll{words, POLLIN, 0}, os::Poll{kGatewayFd, POLLIN, 0}};
  (void)os::poll_all(either, milliseconds(-1));
  if (gateway_died()) return sys_error("gateway", {}, ESRCH);
  const auto size = os::recv_message(words, bytes_of(word), fd);
  if (!size || *size != sizeof word) return sys_error("pid namespace", "its init was killed", EAGAIN);
  if (word.kind != KeeperMessage::started) {
    step = word.b;
    return sys_error("pid namespace", {}, static_cast<int>(word.a));
  }
  auto leader = os::PidFd::adopt(std::move(fd));
  if (!leader) return forward(leader);
  birth.leader = *std::move(leader);
  birth.start_ticks = static_cast<std::uint64_t>(word.b);
  birth.poisoned = word.c != 0;
  const KeeperDatagram go{.kind = KeeperMessage::heard};
  (void)os::send_message(words, std::as_bytes(std::span(&go, 1)));
  return birth;
}

}  // namespace

Result<Birth> start_inside(const KeeperOptions& options, int argc, char** argv, char** environment,
                           std::int64_t& step) {
  step = static_cast<std::int64_t>(os::SpawnStep::pid_namespace);
  auto words = os::seqpacket_pair();
  if (!words) return forward(words);
  auto born = os::fork_init();
  if (!born) return forward(born);
  if (!born->init) run_init(*born, words->second.get(), options, argc, argv, environment);
  words->second.reset();
  auto birth = hear_birth(words->first.get(), step);
  if (birth) {
    birth->init = Init(std::move(born->init), std::move(words->first));
  } else if (readable(born->init.get(), kExit)) {  // its last act was to say so
    (void)os::wait_child(born->init.pid());
  }
  return birth;
}

std::optional<os::Waited> Init::leader_end(pid_t leader) const {
  KeeperDatagram word;
  const auto size = os::recv_message(words_.get(), bytes_of(word));
  if (!size && size.error().is_errno(EAGAIN)) return std::nullopt;
  // Init died first, and the kernel killed the server with it.
  if (!size || *size != sizeof word) return os::Waited{.pid = leader, .signal = SIGKILL};
  if (word.c != 0) (void)readable(process_.get(), kExit);
  return os::Waited{.pid = leader, .code = static_cast<int>(word.a), .signal = static_cast<int>(word.b)};
}

}  // namespace holdfast::custody
