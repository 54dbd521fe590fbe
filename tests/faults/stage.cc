#include "stage.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>

#include "calls.h"
#include "os/process.h"
#include "os/procfs.h"
#include "os/signals.h"
#include "os/spawn.h"

namespace holdfast::faults {

using std::chrono::milliseconds;
using News = os::TraceStop::News;

namespace {

constexpr milliseconds kQuiet{1}, kQuietAtMost{300}, kDeath{5000}, kFree{20};

UniqueFd log_file(const Plan& plan) {
  const std::string path = plan.fault.kind == Fault::Kind::full_log ? "/dev/full" : plan.log;
  return UniqueFd(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
}

}  // namespace

Stage::Stage(const Plan& plan) : plan_(plan) {
  static constexpr int kChild[] = {SIGCHLD};
  if (auto made = os::signal_fd(kChild)) children_ = *std::move(made);
}

bool Stage::enter_gateway(bool traced) {
  auto in = os::pipe_pair(), out = os::pipe_pair();
  const UniqueFd log = log_file(plan_);
  if (!in || !out || !log) return false;
  std::array<std::string, 4> arguments{plan_.gateway, plan_.state, plan_.keeper,
                                       plan_.leaf    ? "leaf"
                                       : plan_.pidns ? "pidns"
                                                     : "tree"};
  const std::array argv{arguments[0].data(), arguments[1].data(), arguments[2].data(), arguments[3].data(),
                        static_cast<char*>(nullptr)};
  const std::array<char*, 1> envp{nullptr};
  const std::array fds{in->first.get(), out->second.get(), log.get()};
  auto born =
      os::spawn({.path = plan_.gateway.c_str(), .argv = argv.data(), .envp = envp.data(), .fds = fds});
  if (!born) return false;
  gateway_ = *std::move(born);
  input_ = std::move(in->second);
  output_ = std::move(out->first);
  if (!os::set_nonblocking(output_.get())) return false;
  text_.clear();
  answer_.clear();
  born_keepers_ = born_inits_ = born_servers_ = born_threads_ =
      0;  // whom an earlier one left is traced to its end
  traced_ = traced;
  if (!until([&] { return answer_ == "ready"; }, kDeath)) return false;
  if (!traced) return true;
  threads_[gateway_.pid()] = {.role = "g", .process = gateway_.pid()};
  if (!os::trace(gateway_.pid())) return false;
  // From an exec that we see, it asks the kernel for the time.
  return plan_.fault.kind != Fault::Kind::clock ||
         (tell("again", kDeath) == Said::answer && answer_ == "ready");
}

void Stage::begin_step(const std::string& step, const std::string& tree) {
  step_.clear();
  tree_ = tree;
  counts_.clear();
  const bool counts = traced_ && !step.empty() && (!plan_.target || plan_.target->step == step);
  if (!counts) return;
  step_ = "-";
  for (const auto& [pid, thread] : threads_) os::interrupt(pid);
  (void)until([&] { return !gateway_lives() || (quiet() && Clock::now() - last_news_ > kQuiet); },
              kQuietAtMost);
  counts_.clear();
  step_ = step;
}

Stage::Said Stage::tell(const std::string& command, milliseconds limit) {
  answer_.clear();
  const std::string line = command + "\n";
  if (::write(input_.get(), line.data(), line.size()) < 0) return Said::died;
  const bool done = until([&] { return !answer_.empty() || !gateway_lives(); }, limit);
  read_answer();
  if (!answer_.empty()) return Said::answer;
  return done ? Said::died : Said::silent;
}

void Stage::read_answer() {
  std::array<char, 512> buffer{};
  for (;;) {
    const ssize_t size = ::read(output_.get(), buffer.data(), buffer.size());
    if (size <= 0) break;
    text_.append(buffer.data(), static_cast<std::size_t>(size));
  }
  if (const auto end = text_.find('\n'); end != text_.npos) {
    answer_ = text_.substr(0, end);
    text_.erase(0, end + 1);
  }
}

bool Stage::until(const std::function<bool()>& enough, milliseconds limit) {
  const auto end = Clock::now() + limit;
  for (;;) {
    pump(milliseconds(0));
    if (answer_.empty() && output_) read_answer();
    if (enough()) return true;
    if (Clock::now() >= end) return false;
    pump(milliseconds(5));
  }
}

bool Stage::steps() const {
  const bool awaits = !step_.empty() && !reached_, lacks = Clock::now() < lacks_until_;
  return awaits || lacks || plan_.fault.kind == Fault::Kind::clock;
}

bool Stage::quiet() const {
  return std::ranges::all_of(threads_, [](const auto& entry) { return entry.second.waits; });
}

void Stage::collect() {
  while (const auto stop = os::next_trace_stop()) {
    last_news_ = Clock::now();
    if (stop->news == News::ended) {
      threads_.erase(stop->thread);
      unknown_.erase(stop->thread);
      std::erase_if(pending_, [&](const os::TraceStop& other) { return other.thread == stop->thread; });
    } else {
      pending_.push_back(*stop);
    }
  }
}

// All that is known of who ended is known before anybody goes on: a keeper that is dead is reaped by us, its
// tracer, before its gateway can look.
void Stage::pump(milliseconds at_most) {
  std::array set{os::Poll{children_.get(), POLLIN, 0}, os::Poll{output_.get(), POLLIN, 0}};
  if (at_most.count() > 0) (void)os::poll_all(set, at_most);
  while (os::read_signal(children_.get()).value_or(0) != 0) {
  }
  for (collect(); !pending_.empty(); collect()) {
    const auto stop = pending_.front();
    pending_.pop_front();
    heed(stop);
  }
  if (Clock::now() < continue_at_) return;
  continue_at_ = Clock::time_point::max();
  for (const auto& process : stopped_) (void)process.signal(SIGCONT);
  stopped_.clear();
}

void Stage::heed(const os::TraceStop& stop) {
  const auto found = threads_.find(stop.thread);
  if (found == threads_.end()) {
    unknown_[stop.thread] = stop;
    return;
  }
  found->second.waits = false;
  meet(stop, found->second);
}

void Stage::meet(const os::TraceStop& stop, Thread& thread) {
  if (stop.news == News::born) note_birth(stop, thread);
  if (stop.news == News::executed) {
    if (plan_.fault.kind == Fault::Kind::clock) (void)os::hide_vdso(stop.thread);
    if (thread.role.starts_with('s')) {  // the server is itself now, and none of our business
      os::detach(stop);
      threads_.erase(stop.thread);
      return;
    }
  }
  if (stop.news == News::call) before_call(stop, thread);
  if (stop.news == News::result && shift_ != 0) shift_clock(stop, thread);
  os::go_on(stop, steps());
}

void Stage::note_birth(const os::TraceStop& stop, const Thread& parent) {
  Thread child{.tree = parent.tree, .process = stop.child};
  if (!stop.process) {
    child.role = "w" + std::to_string(++born_threads_);
    child.process = parent.process;
  } else if (parent.role.starts_with('k') && plan_.pidns) {
    child.role = "i" + std::to_string(++born_inits_);
  } else if (parent.role.starts_with('k') || parent.role.starts_with('i')) {
    child.role = "s" + std::to_string(++born_servers_);
  } else {
    child.role = "k" + std::to_string(++born_keepers_);
    child.tree = tree_;
  }
  auto& known = threads_[stop.child] = child;
  if (const auto early = unknown_.find(stop.child); early != unknown_.end()) {
    const auto first = early->second;
    unknown_.erase(early);
    meet(first, known);
  }
}

void Stage::before_call(const os::TraceStop& stop, Thread& thread) {
  thread.call = stop.call;
  thread.waits = waits_for_ever(stop.call);
  if (waits_by_wall_clock(stop.call)) sins_.push_back(thread.role + " " + name_of(stop.call.number));
  if (step_.empty() || step_ == "-") return;
  const Point here{.step = step_, .role = thread.role, .number = ++counts_[thread.role]};
  if (!plan_.target) {
    const auto living = keepers();
    passed_.push_back({.point = here,
                       .call = stop.call.number,
                       .errors = errors_for(stop.thread, stop.call, plan_.state),
                       .keeper = living.empty() ? "" : living.back().second->role,
                       .looks_up = looks_up(stop.call, thread)});
  } else if (!reached_ && is_target(here, stop, thread)) {
    reached_ = true;
    befall(stop, thread);
  } else if (lacking_ == thread.process && Clock::now() < lacks_until_) {
    const auto errors = errors_for(stop.thread, stop.call, plan_.state);
    if (std::ranges::find(errors, plan_.fault.value) != errors.end())
      (void)os::refuse_call(stop.thread, static_cast<int>(plan_.fault.value));
  }
}

// Where a call is to fail, or a number to be looked up, it is the first such one from the point on: threads
// do not always do the same.
bool Stage::is_target(const Point& here, const os::TraceStop& stop, const Thread& thread) const {
  const Point& target = *plan_.target;
  const auto kind = plan_.fault.kind;
  const bool fails = kind == Fault::Kind::fail || kind == Fault::Kind::lack;
  if (!fails && kind != Fault::Kind::reuse) return here == target;
  if (here.step != target.step || here.role != target.role || here.number < target.number) return false;
  if (!fails) return looks_up(stop.call, thread);
  const auto errors = errors_for(stop.thread, stop.call, plan_.state);
  return std::ranges::find(errors, plan_.fault.value) != errors.end();
}

std::vector<std::pair<pid_t, const Stage::Thread*>> Stage::keepers() const {
  std::vector<std::pair<pid_t, const Thread*>> found;
  for (const auto& [pid, thread] : threads_)
    if (thread.role.starts_with('k')) found.emplace_back(pid, &thread);
  std::ranges::sort(found, {}, [](const auto& keeper) { return std::stoi(keeper.second->role.substr(1)); });
  return found;
}

// Numbers inside of a PID namespace are others.
bool Stage::looks_up(const os::TracedCall& call, const Thread& thread) const {
  const auto number = static_cast<pid_t>(call.arguments[0]);
  const bool outside = !thread.role.starts_with('i') && !thread.role.starts_with('s');
  return call.number == SYS_pidfd_open && outside && number > 1 && number != thread.process &&
         number != gateway_.pid();
}

// Who has the number dies, and an innocent gets it, unless the kernel keeps it: for who has not been reaped,
// since it is its parent that looks; for a session.
void Stage::give_away(pid_t number) {
  if (const auto process = os::PidFd::open(number)) (void)process->signal(SIGKILL);
  for (const auto end = Clock::now() + kFree; !innocent_ && Clock::now() < end;) {
    collect();
    if (auto born = Innocent::on(number, "innocent"))
      innocent_.emplace(*std::move(born));
    else
      (void)os::poll_all({}, milliseconds(1));
  }
}

// The one whose point it is; at a point of the gateway, the youngest. In one stroke with the gateway: all of
// them.
void Stage::befall(const os::TraceStop& stop, Thread& thread) {
  const Fault& fault = plan_.fault;
  victim_ = thread.tree.empty() ? tree_ : thread.tree;
  if (fault.kind == Fault::Kind::clock) shift_ = fault.value;
  if (fault.kind == Fault::Kind::reuse) give_away(static_cast<pid_t>(stop.call.arguments[0]));
  if (fault.kind == Fault::Kind::fail) (void)os::refuse_call(stop.thread, static_cast<int>(fault.value));
  if (fault.kind == Fault::Kind::lack) {
    lacking_ = thread.process;
    lacks_until_ = Clock::now() + plan_.shortage;
    (void)os::refuse_call(stop.thread, static_cast<int>(fault.value));
  }
  if (fault.kind != Fault::Kind::kill && fault.kind != Fault::Kind::stop) return;
  std::vector<pid_t> victims;
  if (fault.gateway) victims.push_back(gateway_.pid());  // first: it would set about what its keepers leave
  if (fault.keeper) {
    const auto living = keepers();
    for (const auto& [pid, keeper] : living) {
      const bool own = thread.role.starts_with('k') ? pid == stop.thread
                       : thread.role.starts_with('s') || thread.role.starts_with('i')
                           ? keeper->tree == thread.tree
                           : pid == living.back().first;
      if (!fault.gateway && !own) continue;
      if (own && !fault.gateway) victim_ = keeper->tree;
      victims.push_back(pid);
    }
    if (victims.empty()) reached_ = false;
  }
  strike(victims, fault.kind == Fault::Kind::kill ? SIGKILL : SIGSTOP);
  if (fault.kind == Fault::Kind::stop) continue_at_ = Clock::now() + plan_.standstill;
}

// In one stroke. Nobody whom we hold goes on before the killed are dead.
void Stage::strike(const std::vector<pid_t>& victims, int signal) {
  std::vector<os::PidFd> struck;
  for (const pid_t pid : victims)
    if (auto process = os::PidFd::open(pid)) struck.push_back(*std::move(process));
  for (const auto& process : struck) (void)process.signal(signal);
  if (signal == SIGSTOP) {
    stopped_ = std::move(struck);
    return;
  }
  const auto end = Clock::now() + kDeath;
  while (!std::ranges::all_of(struck, &os::PidFd::exited) && Clock::now() < end) {
    collect();  // a process is dead when its last thread has been reaped
    (void)os::poll_all({}, milliseconds(1));
  }
}

void Stage::shift_clock(const os::TraceStop& stop, const Thread& thread) {
  if (!reads_wall_clock(thread.call)) return;
  timespec now{};
  const auto address = thread.call.arguments[1];
  if (!os::read_traced(stop.thread, address, std::as_writable_bytes(std::span(&now, 1)))) return;
  now.tv_sec += shift_;
  (void)os::write_traced(stop.thread, address, std::as_bytes(std::span(&now, 1)));
}

void Stage::kill_everybody_but_servers() {
  std::vector<pid_t> victims{gateway_.pid()};
  for (const auto& [pid, keeper] : keepers()) victims.push_back(pid);
  strike(victims, SIGKILL);
}

std::vector<pid_t> Stage::members() const {
  std::vector<pid_t> found;
  (void)os::for_each_process([&](pid_t pid) {
    if (pid == 1 || (pid == gateway_.pid() && gateway_lives())) return;
    if (innocent_ && innocent_->includes(pid)) return;
    if (const auto process = os::PidFd::open(pid); process && !process->exited()) found.push_back(pid);
  });
  return found;
}

std::ptrdiff_t Stage::gateway_descriptors() const {
  std::error_code ec;
  const std::filesystem::directory_iterator all("/proc/" + std::to_string(gateway_.pid()) + "/fd", ec);
  return ec ? 0 : std::distance(begin(all), end(all));
}

std::string Stage::describe() const {
  std::string text;
  for (const pid_t pid : members()) {
    const auto stat = os::read_stat(pid);
    if (!stat) continue;
    text += (text.empty() ? "" : ", ") + std::to_string(pid) + " (" + std::string(stat->comm.view()) + ") " +
            stat->state + " parent " + std::to_string(stat->ppid);
  }
  return text;
}

}  // namespace holdfast::faults
