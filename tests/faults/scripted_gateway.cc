// A gateway that does nothing but custody, and that only as it is told: STATE KEEPER leaf|tree|pidns, then
// one command a line on stdin, each answered by one line on stdout; before the first it says "ready".
//   again                   becomes the same program anew
//   open                    custody of STATE, and recovery of what an earlier one left
//   start NAME PROGRAM ARG  -> started NAME PID
//   stop|orphan NAME        by name
//   sweep, shutdown
//   doze                    waits by the wall clock, as nobody else does
// The end of stdin ends it.
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <condition_variable>
#include <cstdio>
#include <map>
#include <mutex>
#include <sstream>

#include "custody/custodian.h"
#include "os/process.h"

namespace holdfast::custody {
namespace {

class Script {
 public:
  explicit Script(char** argv) : argv_(argv), input_(loop_, 0) {}

  int run() {
    TaskGroup group(loop_.get_executor());
    group.spawn("script", obey_all());
    loop_.run();
    return failed_ ? 1 : 0;
  }

 private:
  asio::awaitable<void> obey_all() {
    std::string text;
    say("ready");
    while (!failed_) {
      boost::system::error_code ec;
      const auto size = co_await asio::async_read_until(input_, asio::dynamic_buffer(text), '\n',
                                                        asio::redirect_error(asio::use_awaitable, ec));
      if (ec) break;
      std::istringstream words(text.substr(0, size - 1));
      text.erase(0, size);
      say(co_await obey(words));
    }
    custodian_.reset();
    loop_.stop();
  }

  static void say(const std::string& line) {
    (void)std::fputs((line + "\n").c_str(), stdout);
    (void)std::fflush(stdout);
  }

  asio::awaitable<std::string> obey(std::istringstream& words) {
    std::string verb, name;
    words >> verb >> name;
    if (verb == "again")
      co_return std::string(os::replace_program("/proc/self/exe", argv_, environ).message());
    if (verb == "open") co_return co_await open();
    if (verb == "doze") co_return doze();
    if (!custodian_) co_return "not open";
    if (verb == "start") co_return co_await start(name, words);
    if (verb == "sweep") co_return "swept " + std::to_string((co_await custodian_->sweep()).reaped.size());
    if (verb == "shutdown")
      co_return "left " + std::to_string((co_await custodian_->shutdown()).unkillable.size());
    const auto tree = trees_.find(name);
    if (tree == trees_.end()) co_return "no tree " + name;
    if (verb == "orphan") {
      tree->second->orphan("told so");
      co_return "orphaned";
    }
    co_return co_await custodian_->stop(tree->second, "told so") ? "gone" : "unkillable";
  }

  static std::string doze() {
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable never;
    never.wait_until(lock, std::chrono::system_clock::now() + milliseconds(10));
    return "dozed";
  }

  asio::awaitable<std::string> open() {
    CustodianOptions options;
    options.state_dir = argv_[1];
    options.keeper = argv_[2];
    options.allow_leaf = std::string_view(argv_[3]) == "leaf";
    options.pidns = std::string_view(argv_[3]) == "pidns";
    options.patience = milliseconds(2000);
    auto opened = Custodian::open(loop_, options);
    if (!opened) {
      failed_ = true;
      (void)std::fprintf(stderr, "cannot open custody: %s\n", opened.error().message().c_str());
      co_return "refused " + opened.error().message();
    }
    custodian_ = *std::move(opened);
    const auto report = co_await custodian_->recover();
    for (const auto& text : report.unverified) (void)std::fprintf(stderr, "unverified: %s\n", text.c_str());
    co_return std::string("opened ") + std::string(to_string(custodian_->rung().rung)) + " unverified " +
        std::to_string(report.unverified.size());
  }

  asio::awaitable<std::string> start(std::string name, std::istringstream& words) {
    TreeSpec spec;
    spec.name = name;
    words >> spec.command.program;
    for (std::string argument; words >> argument;) spec.command.arguments.push_back(argument);
    spec.command.environment = {"PATH=/usr/bin:/bin"};
    spec.graces = {.eof = milliseconds(20), .term = milliseconds(20), .lost = milliseconds(20)};
    auto started = co_await custodian_->start(std::move(spec));
    if (!started) co_return "not started " + name + ": " + started.error().message();
    (*started)->watch({});  // takes the news of its end, and so lets go of its pipes
    trees_[name] = *started;
    co_return "started " + name + " " + std::to_string((*started)->leader_pid());
  }

  char** argv_;
  asio::io_context loop_;
  asio::posix::stream_descriptor input_;
  std::unique_ptr<Custodian> custodian_;
  std::map<std::string, std::shared_ptr<Tree>> trees_;
  bool failed_ = false;
};

}  // namespace
}  // namespace holdfast::custody

int main(int argc, char** argv) { return argc < 4 ? 2 : holdfast::custody::Script(argv).run(); }
