// The keeper's first milliseconds: what it becomes, how it starts the server, what it lets go of.
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <new>
#include <string_view>

#include "base/mutant.h"
#include "custody/keeper.h"
#include "custody/resolve.h"
#include "os/process.h"
#include "os/procfs.h"
#include "os/signals.h"
#include "os/spawn.h"

namespace holdfast::custody {
namespace {

constexpr const char* kShell = "/bin/sh";
constexpr std::int64_t kLongestTime = 10'000'000'000;  // milliseconds

std::optional<std::int64_t> parse_number(const char* text) {
  std::int64_t value = 0;
  if (*text == '\0') return std::nullopt;
  for (; *text != '\0'; ++text) {
    if (*text < '0' || *text > '9' || value > (std::int64_t{1} << 56)) return std::nullopt;
    value = value * 10 + (*text - '0');
  }
  return value;
}

bool apply_option(KeeperOptions& options, std::string_view name, const char* value) {
  if (name == "--id") {
    options.id = value;
    return true;
  }
  if (name == "--leaf") {
    const std::string_view way(value);
    options.leaf = true;
    options.leaf_by_procs = way == "procs";
    return way == "clone" || way == "procs";
  }
  if (name == "--pidns") {
    options.pidns = true;
    return std::string_view(value) == "yes";
  }
  if (name == "--cwd") {
    options.cwd = value;
    return true;
  }
  const auto number = parse_number(value);
  if (!number) return false;
  if (name == "--files" || name == "--data") {
    (name == "--files" ? options.files : options.data) = static_cast<std::uint64_t>(*number);
    return true;
  }
  if (*number > kLongestTime) return false;
  const std::chrono::milliseconds time(*number);
  if (name == "--lost") {
    options.lost = time;
  } else if (name == "--patience") {
    options.patience = time;
  } else {
    return false;
  }
  return true;
}

// The strings of argv or environ lie in one row, from the first one's first byte to the last one's zero.
struct Area {
  char* begin = nullptr;
  std::size_t size = 0;
};
Area area_of(char** strings) {
  if (strings == nullptr || *strings == nullptr) return {};
  char** last = strings;
  while (last[1] != nullptr) ++last;
  return {*strings, static_cast<std::size_t>(*last + std::strlen(*last) + 1 - *strings)};
}

// explicit_bzero: the compiler may not decide that nobody looks at it any more; /proc does.
void wipe(Area area) {
  if (area.begin != nullptr) ::explicit_bzero(area.begin, area.size);
}

// It may reach into the environment, where that lies behind the arguments.
void set_title(Area arguments, Area environment, std::string_view name, std::string_view id) {
  FixedString<96> title(name);
  title.append(id);
  if (arguments.size < 2) return;
  const bool joined = arguments.begin + arguments.size == environment.begin;
  const std::size_t room = arguments.size + (joined ? environment.size : 0);
  const std::size_t size = std::min(title.view().size(), room - 2);
  std::memcpy(arguments.begin, title.c_str(), size);
  // Arguments whose last byte is not zero the kernel shows up to their first zero only (setproctitle's trick,
  // fs/proc/base.c get_mm_cmdline).
  if (size < arguments.size) arguments.begin[arguments.size - 1] = '.';
}

// A script without an interpreter's line is run by the shell, as execvp(3) does. Two words more than it was
// given fit before its arguments: the program's own place, and that of "--".
class ByShell {
 public:
  ByShell(char** arguments, const char* program) : words_(arguments - 1), saved_{words_[0], words_[1]} {
    words_[0] = const_cast<char*>(kShell);
    words_[1] = const_cast<char*>(program);
  }
  ~ByShell() { words_[0] = saved_[0], words_[1] = saved_[1]; }
  ByShell(const ByShell&) = delete;
  ByShell& operator=(const ByShell&) = delete;
  [[nodiscard]] char** words() const { return words_; }

 private:
  char** words_;
  std::array<char*, 2> saved_;
};

}  // namespace

std::optional<KeeperOptions> parse_keeper_options(int argc, char** argv) {
  KeeperOptions options;
  if (argc < 2 || std::string_view(argv[1]) != "tree") return std::nullopt;
  int at = 2;
  for (; at < argc && std::string_view(argv[at]) != "--"; at += 2) {
    if (at + 1 >= argc || !apply_option(options, argv[at], argv[at + 1])) return std::nullopt;
  }
  if (at + 1 >= argc) return std::nullopt;
  options.arguments = argv + at + 1;
  return options;
}

void begin_keeper() {
  // So that a keeper that somebody stopped wakes up when its gateway dies.
  (void)os::set_parent_death_signal(SIGCONT);
  os::block_signals();
  os::new_session();
  os::default_signals();
}

Result<void> prepare_keeper() {
  // Closed ones are filled first: otherwise the next descriptor that we open becomes the server's stdin.
  if (auto done = os::fill_standard_descriptors(); !done) return done;
  for (const int fd : {kLifelineFd, kGatewayFd}) {
    if (auto done = os::set_close_on_exec(fd); !done) return done;
  }
  (void)os::set_close_on_exec(kLeafFd);
  (void)os::set_name("holdfast-keeper");
  (void)os::set_undumpable();
  return kSwitchedOff == Mechanism::keeper_subreaper ? Result<void>() : os::become_subreaper();
}

bool gateway_died() {
  std::array set{os::Poll{kGatewayFd, POLLIN, 0}};
  return kSwitchedOff != Mechanism::gateway_pidfd &&
         os::poll_all(set, std::chrono::milliseconds(0)).value_or(0) > 0;
}

Result<Birth> start_server(const KeeperOptions& options, char** environment, std::int64_t& step) {
  step = kStepDirectory;
  if (options.cwd != nullptr && ::chdir(options.cwd) != 0) return sys_error("chdir", options.cwd);
  step = kStepLookUp;
  FixedString<1024> room;
  auto program = find_program(options.arguments[0], environment, room);
  if (!program) return forward(program);
  // All that could hold us up is behind us. An init has no gateway: it dies with its keeper.
  if (!options.pidns && gateway_died()) return sys_error("gateway", {}, ESRCH);
  Birth birth;
  birth.in = PipeEnd::of(os::stat_open(0));
  birth.out = PipeEnd::of(os::stat_open(1));
  static constexpr int kStandard[] = {0, 1, 2};
  os::SpawnOptions spawn;
  spawn.path = *program;
  spawn.argv = options.arguments;
  spawn.envp = environment;
  spawn.fds = kStandard;
  spawn.leaf_fd = options.leaf ? kLeafFd : -1;
  spawn.leaf_by_procs = options.leaf_by_procs;
  const os::DescriptorLimit files{.soft = options.files, .hard = options.files};
  if (kSwitchedOff != Mechanism::process_limits) {
    if (options.files != 0) spawn.descriptors = &files;
    spawn.data = options.data;
  }
  auto leader = os::spawn(spawn, &birth.poisoned);
  if (!leader && options.face && leader.error().is_errno(ENOEXEC)) {
    const ByShell shell(options.arguments, *program);
    spawn.path = kShell;
    spawn.argv = shell.words();
    leader = os::spawn(spawn, &birth.poisoned);
  }
  if (!leader) {
    step = static_cast<std::int64_t>(os::spawn_step(leader.error()));
    return forward(leader);
  }
  birth.leader = std::move(*leader);
  // For the gateway's ledger, which a face has not. Unreaped, so /proc knows it even if it is dead already.
  if (!options.face) {
    if (const auto stat = os::read_stat(birth.leader.pid())) birth.start_ticks = stat->start_ticks;
  }
  return birth;
}

void tell_failure(const Error& error, std::int64_t step, int lifeline) {
  const KeeperDatagram word{.kind = KeeperMessage::spawn_failed, .a = error.code.value(), .b = step};
  (void)os::send_message(lifeline, std::as_bytes(std::span(&word, 1)));
}

void let_go(const KeeperOptions& options, std::string_view title, int argc, char** argv, char** environment) {
  if (const auto null = os::open_null()) {
    for (const int fd : {0, 1, 2}) (void)os::replace_descriptor(fd, null->get());
  }
  (void)!::chdir("/");  // nobody's file system is busy with us
  // Whoever looks for the server by its command line or by its tag must not hit the keeper.
  const Area arguments = argc > 0 ? area_of(argv) : Area{};
  const Area variables = area_of(environment);
  wipe(variables);
  wipe(arguments);
  set_title(arguments, variables, title, options.id.view());
}

int keep(int argc, char** argv, char** environment) {
  begin_keeper();
  const auto options = parse_keeper_options(argc, argv);
  return options ? keep(*options, argc, argv, environment) : kKeeperUsage;
}

int keep(const KeeperOptions& options, int argc, char** argv, char** environment) {
  if (!prepare_keeper()) return kKeeperUsage;
  static constexpr int kSignals[] = {SIGCHLD};
  auto signals = os::signal_fd(kSignals);
  if (!signals) return kKeeperUsage;
  std::int64_t step = 0;
  auto birth = options.pidns ? start_inside(options, argc, argv, environment, step)
                             : start_server(options, environment, step);
  if (!birth) {
    tell_failure(birth.error(), step);
    return kKeeperNoServer;
  }
  static Pages<Keeper> pages;
  Keeper& keeper = *new (pages.room) Keeper(options, std::move(*birth), std::move(*signals));
  let_go(options, "holdfast-keeper ", argc, argv, environment);
  os::release_stack();
  return keeper.run();
}

}  // namespace holdfast::custody
