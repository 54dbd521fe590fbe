// The face's first milliseconds: what it becomes, whom it watches, how it starts the keeper.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "custody/face.h"
#include "custody/keeper.h"
#include "os/descriptors.h"
#include "os/leaf_below.h"
#include "os/process.h"
#include "os/procfs.h"
#include "os/signals.h"
#include "os/spawn.h"

namespace holdfast::custody {
namespace {

// Whoever ignores one of these wants the command to go on when it comes: nohup(1), a shell's background jobs.
// SIGTERM is not among them: what it starts must always end.
constexpr std::array kRespected{SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH};

Result<UniqueFd> take_signals() {
  std::array<int, kRespected.size() + 3> heard{SIGTERM, SIGCHLD, SIGCONT};
  std::size_t size = 3;
  const std::uint64_t ignored = os::ignored_signals();
  // An inherited SIGCHLD=SIG_IGN would eat the status, and whatever was inherited blocked would never come.
  if (auto done = os::reset_signals(); !done) return forward(done);
  for (const int number : kRespected) {
    if ((ignored & os::signal_bit(number)) == 0) {
      heard[size++] = number;
    } else {
      os::ignore_signal(number);
    }
  }
  for (const int number : {SIGPIPE, SIGXFSZ}) os::ignore_signal(number);  // what cannot be written is told
  return os::signal_fd(std::span(heard.data(), size));
}

}  // namespace

Result<void> Face::prepare() {
  if (auto done = watch_caller(); !done) return done;
  strangers_ = os::has_child() || os::own_pid() == 1;
  auto signals = take_signals();
  if (!signals) return forward(signals);
  signals_ = std::move(*signals);
  (void)os::set_name("holdfast-run");  // not the keeper's: who kills by name does not hit both
  (void)os::set_undumpable();
  if (auto done = os::become_subreaper(); !done) return done;
  if (auto done = os::check_proc(); !done) return done;
  if (auto done = check_files(); !done) return done;
  if (const auto input = os::stat_open(0); input && options_.stop_at_end_of_input) {
    input_is_fifo_ = S_ISFIFO(input->st_mode);
    input_watched_ = input_is_fifo_ || S_ISSOCK(input->st_mode) || S_ISCHR(input->st_mode);
  }
  return open_report();
}

// By its pidfd. Its end is also told by a signal, which continues a face that somebody stopped; that the
// signal comes when only the thread ends that forked us is why it makes us look and nothing else.
Result<void> Face::watch_caller() {
  if (auto done = os::set_parent_death_signal(SIGCONT); !done) return done;
  caller_pid_ = os::parent_pid();
  // 1: an init, or whoever adopted us since our caller died; neither is watched. 0: it lives outside of our
  // PID namespace.
  if (caller_pid_ <= 1) return {};
  auto caller = os::PidFd::open(caller_pid_);
  if (os::parent_pid() != caller_pid_) return custody_refusal("the caller is dead already");
  if (!caller) return forward(caller);
  caller_ = std::move(*caller);
  return {};
}

// Early: a report that cannot be written is told before anything runs.
Result<void> Face::open_report() {
  if (options_.report == nullptr) return {};
  report_fd_ = UniqueFd(::open(options_.report, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!report_fd_) return sys_error("--report", options_.report);
  return {};
}

Result<void> Face::check_files() const {
  if (options_.limits.files == 0) return {};
  auto limit = os::descriptor_limit();
  if (!limit) return forward(limit);
  if (options_.limits.files > limit->hard) return custody_refusal("--limit files: more than the hard limit");
  return {};
}

// Below our own cgroup, so that whoever accounts for us accounts for the command. Limits need a controller,
// which a cgroup with processes in it cannot hand down: then beside it.
Result<os::CgroupLeaf> Face::make_leaf() {
  auto place = os::open_own_cgroup();
  if (!place) return forward(place);
  auto leaf = os::make_leaf_below(place->get(), kFaceLeaf);
  if (options_.limits.need_leaf() && leaf) {
    auto limited = limit_leaf(*leaf, options_.limits);
    if (!limited) {
      (void)os::remove_leaf(*leaf);
      place = os::open_cgroup_above(place->get());
      if (place) leaf = os::make_leaf_below(place->get(), kFaceLeaf);
      if (!place || !leaf) return forward(limited);
      if (limited = limit_leaf(*leaf, options_.limits); !limited) {
        (void)os::remove_leaf(*leaf);
        return forward(limited);
      }
    }
  }
  if (leaf) own_cgroup_ = std::move(*place);
  return leaf;
}

Result<void> Face::start() {
  os::CgroupLeaf leaf;
  const bool needed = options_.isolation == Isolation::leaf || options_.limits.need_leaf();
  if (options_.isolation != Isolation::tree && leaf_allowed_) {
    auto made = make_leaf();
    if (made) {
      leaf = std::move(*made);
    } else if (needed) {
      FixedString<224> why(options_.limits.need_leaf()
                               ? "--limit: no leaf with such a limit can be had here: "
                               : "--isolation=leaf: ");
      return custody_refusal(why.append(describe(made.error()).view()).view());
    } else if (options_.isolation == Isolation::automatic) {
      report_.rung_reason = describe(made.error()).view();
    }
  }
  keeper_.in_leaf = static_cast<bool>(leaf);
  report_.rung = options_.isolation == Isolation::pidns ? "pidns" : keeper_.in_leaf ? "leaf" : "tree";
  return start_keeper(std::move(leaf));
}

// A copy of ourselves: executing the program anew would cost as much again as all that it does.
Result<void> Face::start_keeper(os::CgroupLeaf leaf) {
  auto lifeline = os::seqpacket_pair();
  auto self = os::PidFd::open(os::own_pid());
  const Members::Strangers strangers{.session = os::own_session(), .born_before = os::ticks_since_boot()};
  auto keeper = !lifeline ? forward(lifeline) : !self ? forward(self) : os::fork_process();
  if (!keeper) {
    if (leaf) (void)os::remove_leaf(leaf);
    return forward(keeper);
  }
  if (!*keeper) os::end_process(become_keeper(*self, lifeline->second.get(), leaf.dir()));
  keeper_.process = std::move(*keeper);
  keeper_.lifeline = std::move(lifeline->first);
  report_.keeper_pid = keeper_.process.pid();
  members_.emplace(os::own_pid(), std::move(leaf), strangers);
  for (const int number : kRespected) {  // what an earlier keeper did not live to pass on
    if ((early_signals_ & os::signal_bit(number)) != 0) ask(KeeperMessage::signal, number);
  }
  return {};
}

// In the copy. Its exit status.
int Face::become_keeper(const os::PidFd& face, int lifeline, int leaf) const {
  begin_keeper();
  KeeperOptions options;
  options.id.append("run-").append_number(face.pid());
  options.lost = options_.term;
  options.left = std::min(options_.term, kLeft);
  options.files = options_.limits.files;
  options.face = true;
  options.leaf = leaf >= 0;
  options.pidns = options_.isolation == Isolation::pidns;
  options.arguments = options_.command;
  const std::array fds{0, 1, 2, lifeline, face.get(), leaf};
  static_assert(kLifelineFd == 3 && kGatewayFd == 4 && kLeafFd == 5);
  if (auto done = os::place_descriptors(std::span(fds).first(leaf >= 0 ? 6 : 5)); !done) {
    tell_failure(done.error(), static_cast<std::int64_t>(os::spawn_step(done.error())), lifeline);
    return kKeeperNoServer;
  }
  return keep(options, argc_, argv_, environment_);
}

// The command was not started, and there is another way to try. What the keeper was asked is the next one's.
bool Face::again() {
  if (!keeper_.spawn_error || gave_up_ || terminate_asked_ || caller_gone_) return false;
  const auto step = static_cast<os::SpawnStep>(keeper_.spawn_step);
  const bool leaf_refused =
      keeper_.in_leaf && (step == os::SpawnStep::clone3 || step == os::SpawnStep::cgroup_procs);
  if (!leaf_refused || options_.isolation == Isolation::leaf || options_.limits.need_leaf()) return false;
  leaf_allowed_ = false;
  report_.rung_reason = describe(*keeper_.spawn_error).view();
  keeper_ = {};
  if (input_ended_) watch_input_again();
  return true;
}

}  // namespace holdfast::custody
