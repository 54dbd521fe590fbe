#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <map>

#include "schedule/runner.h"

namespace holdfast::schedule {

using std::chrono::steady_clock;

namespace {

// A lent descriptor: read, never closed.
class Lent {
 public:
  Lent(const asio::any_io_executor& executor, int fd) : stream_(executor) {
    if (fd >= 0) stream_.assign(fd);
  }
  ~Lent() { let_go(); }
  Lent(const Lent&) = delete;
  Lent& operator=(const Lent&) = delete;
  void let_go() {
    if (stream_.is_open()) stream_.release();
  }
  // What is still in the pipe; never waits.
  void drain(RunLog& log) {
    if (!stream_.is_open()) return;
    boost::system::error_code ec;
    stream_.non_blocking(true, ec);
    std::array<char, 4096> buffer;
    for (int i = 0; i < 64 && !ec; ++i)
      log.append({buffer.data(), stream_.read_some(asio::buffer(buffer), ec)});
  }
  asio::awaitable<void> copy_to(RunLog& log) {
    std::array<char, 4096> buffer;
    while (stream_.is_open()) {
      boost::system::error_code ec;
      const auto n = co_await stream_.async_read_some(asio::buffer(buffer),
                                                      asio::redirect_error(asio::use_awaitable, ec));
      if (n > 0) log.append({buffer.data(), n});
      if (ec) co_return;
    }
  }

 private:
  asio::posix::stream_descriptor stream_;
};

struct Watched {
  explicit Watched(const asio::any_io_executor& executor) : over(executor) {}
  Event over;
  std::optional<custody::ExitStatus> status;
  Lent* out = nullptr;
  Lent* err = nullptr;
  RunLog* log = nullptr;
};

custody::Tree::Watcher watcher_of(const std::shared_ptr<Watched>& watched) {
  custody::Tree::Watcher watcher;
  watcher.leader_exited = [watched](custody::ExitStatus status, bool) {
    watched->status = status;
    watched->over.set();
  };
  watcher.gone = [watched](const custody::Ending& ending) {
    if (!watched->status) watched->status = ending.leader;
    for (Lent* pipe : {watched->out, watched->err}) {
      if (!pipe) continue;
      pipe->drain(*watched->log);
      pipe->let_go();
    }
    watched->over.set();
  };
  return watcher;
}

custody::TreeSpec spec_of(const config::Job& job, const RunInput& input, const gateway::Gateway& gateway) {
  auto extra = job.env;
  extra["HOLDFAST_JOB"] = job.name;
  extra["HOLDFAST_RUN"] = input.id;
  extra["HOLDFAST_SCHEDULED_AT"] = rfc3339(input.scheduled_at);
  if (!input.gateway_url.empty()) extra["HOLDFAST_URL"] = input.gateway_url;
  custody::TreeSpec spec;
  spec.name = job.name + "/" + input.id;
  // A job reads nothing: the shell gives it an empty stdin and is replaced by it at once.
  spec.command.program = "/bin/sh";
  spec.command.arguments = {"-c", "exec \"$@\" </dev/null", "sh"};
  spec.command.arguments.insert(spec.command.arguments.end(), job.command.begin(), job.command.end());
  spec.command.environment = gateway.child_environment(extra);
  spec.command.cwd = job.cwd;
  return spec;
}

Outcome outcome_of(const config::Job& job, const std::optional<custody::ExitStatus>& status) {
  if (!status) return {.state = "unknown", .reason = "its exit status was lost"};
  if (status->signal != 0)
    return {.state = "failed",
            .reason = "killed by signal " + std::to_string(status->signal),
            .exit = 128 + status->signal};
  if (status->code == 0) return {.exit = 0};
  std::string reason = "exit " + std::to_string(status->code);
  if (status->code == 127) reason += ": " + job.command.front() + " not found, or so it says";
  if (status->code == 126) reason += ": " + job.command.front() + " cannot be executed, or so it says";
  return {.state = "failed", .reason = reason, .exit = status->code};
}

}  // namespace

asio::awaitable<Outcome> run_command(const config::Job& job, const RunInput& input, gateway::Gateway& gateway,
                                     RunLog& log) {
  auto held = co_await gateway.run_in_custody(spec_of(job, input, gateway), job.name + "/" + input.id);
  if (!held) {
    log.line(held.error().message());
    co_return Outcome{.state = "failed", .reason = held.error().message()};
  }
  const auto executor = co_await asio::this_coro::executor;
  custody::Tree& tree = (*held)->tree();
  const auto watched = std::make_shared<Watched>(executor);
  Lent out(executor, tree.stdout_fd());
  Lent err(executor, tree.stderr_fd());
  watched->out = &out;
  watched->err = &err;
  watched->log = &log;
  tree.watch(watcher_of(watched));
  TaskGroup readers(executor);
  readers.spawn("job.stdout", out.copy_to(log));
  readers.spawn("job.stderr", err.copy_to(log));
  // The run's own deadline and cancel come as cancellation.
  const bool over =
      co_await watched->over.wait_until(steady_clock::now() + job.timeout + std::chrono::minutes(1));
  // What the command wrote before it ended is read; a member that holds the pipe must not hold the run.
  if (over) (void)co_await readers.join(steady_clock::now() + milliseconds(500));
  readers.cancel();
  // They refer to this frame, so it stays until they are out; a cancelled read ends at the next turn of the
  // loop.
  while (readers.running() > 0) (void)co_await readers.join(steady_clock::now() + milliseconds(500));
  watched->out = watched->err = nullptr;
  out.let_go();
  err.let_go();
  if (!over) co_return Outcome{.state = "failed", .reason = "cancelled"};
  co_return outcome_of(job, watched->status);
}

}  // namespace holdfast::schedule
