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
#include "os/descriptors.h"
#include "os/leaf_below.h"
#include "os/process.h"
#include "os/procfs.h"
#include "os/spawn.h"

namespace holdfast::custody {
namespace {

constexpr const char* kSelf = "/proc/self/exe";

// Whoever ignores one of these wants the command to go on when it comes: nohup(1), a shell's background jobs.
// SIGTERM is not among them: what it starts must always end.
constexpr std::array kRespected{SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH};

Result<UniqueFd> take_signals() {
  std::array<int, kRespected.size() + 3> heard{SIGTERM, SIGCHLD, SIGCONT};
  std::size_t size = 3;
  std::array<bool, kRespected.size()> ignored{};
  for (std::size_t i = 0; i < kRespected.size(); ++i) {
    ignored[i] = os::signal_ignored(kRespected[i]);
    if (!ignored[i]) heard[size++] = kRespected[i];
  }
  // An inherited SIGCHLD=SIG_IGN would eat the status, and whatever was inherited blocked would never come.
  if (auto done = os::reset_signals(); !done) return forward(done);
  for (std::size_t i = 0; i < kRespected.size(); ++i) {
    if (ignored[i]) os::ignore_signal(kRespected[i]);
  }
  os::ignore_signal(SIGPIPE);
  return os::signal_fd(std::span(heard.data(), size));
}

// The keeper's command line: its options, the program, the command's words. On the stack of who calls.
class KeeperArguments {
 public:
  explicit KeeperArguments(char** list) : list_(list) {}
  void add(const char* word) { list_[size_++] = const_cast<char*>(word); }
  void add(const char* name, std::int64_t value) {
    add(name);
    auto& text = numbers_[numbers_used_++];
    text.append_number(value);
    add(text.c_str());
  }
  char** finish() {
    list_[size_] = nullptr;
    return list_;
  }
  static constexpr std::size_t kMost = 32;  // beside the command's words

 private:
  char** list_;
  std::size_t size_ = 0, numbers_used_ = 0;
  std::array<FixedString<24>, 6> numbers_;
};

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

Result<void> Face::start_keeper(os::CgroupLeaf leaf) {
  std::size_t words = 0;
  while (options_.command[words] != nullptr) ++words;
  const std::size_t size = (words + KeeperArguments::kMost) * sizeof(char*);
  KeeperArguments arguments(static_cast<char**>(__builtin_alloca(size)));
  FixedString<64> id("run-");
  id.append_number(os::own_pid());
  for (const char* word : {"holdfast-keeper", "tree", "--face", "yes", "--id"}) arguments.add(word);
  arguments.add(id.c_str());
  arguments.add("--lost", options_.term.count());
  arguments.add("--left", std::min(options_.term, kLeft).count());
  if (options_.limits.files != 0) arguments.add("--files", static_cast<std::int64_t>(options_.limits.files));
  if (leaf) {
    arguments.add("--leaf");
    arguments.add("clone");
  }
  if (options_.isolation == Isolation::pidns) {
    arguments.add("--pidns");
    arguments.add("yes");
  }
  arguments.add("--");
  for (std::size_t i = 0; i < words; ++i) arguments.add(options_.command[i]);

  auto lifeline = os::seqpacket_pair();
  if (!lifeline) return forward(lifeline);
  auto self = os::PidFd::open(os::own_pid());
  if (!self) return forward(self);
  const std::array fds{0, 1, 2, lifeline->second.get(), self->get(), leaf.dir()};
  auto keeper = os::spawn({.path = kSelf,
                           .argv = arguments.finish(),
                           .envp = environment_,
                           .fds = std::span(fds.data(), leaf ? fds.size() : fds.size() - 1),
                           .parent_death_signal = SIGCONT});
  if (!keeper) {
    if (leaf) (void)os::remove_leaf(leaf);
    return forward(keeper);
  }
  keeper_.process = std::move(*keeper);
  keeper_.lifeline = std::move(lifeline->first);
  report_.keeper_pid = keeper_.process.pid();
  Members::Strangers strangers{.session = os::own_session()};
  if (const auto stat = os::read_stat(keeper_.process.pid())) strangers.born_before = stat->start_ticks;
  members_.emplace(os::own_pid(), std::move(leaf), strangers);
  for (const int number : kRespected) {  // what an earlier keeper did not live to pass on
    if ((early_signals_ >> number & 1) != 0) ask(KeeperMessage::signal, number);
  }
  return {};
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
