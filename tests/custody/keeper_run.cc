#include "keeper_run.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <span>

#include "base/ids.h"
#include "os/process.h"

namespace holdfast::test {
namespace {

using custody::KeeperDatagram;
using custody::KeeperMessage;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kLimit{10000};

bool wait_readable(int fd, short wanted, milliseconds limit) {
  const auto end = steady_clock::now() + limit;
  for (;;) {
    std::array set{os::Poll{fd, wanted, 0}};
    const auto rest = std::max(std::chrono::ceil<milliseconds>(end - steady_clock::now()), milliseconds(0));
    const auto ready = os::poll_all(set, rest);
    if (ready && *ready > 0) return true;
    if (!ready || steady_clock::now() >= end) return false;
  }
}

// What a user's own gateway has to write to: below `outer`, in `leaf`.
void delegate(const std::string& outer, const os::CgroupLeaf& leaf, const std::string& uid) {
  const auto user = static_cast<uid_t>(std::stoul(uid));
  EXPECT_EQ(::chown((outer + "/cgroup.procs").c_str(), user, static_cast<gid_t>(-1)), 0);
  for (const char* file : {"cgroup.procs", "cgroup.kill", "cgroup.freeze"})
    EXPECT_EQ(::fchownat(leaf.dir(), file, user, static_cast<gid_t>(-1), 0), 0) << file;
}

}  // namespace

KeeperRun::KeeperRun(Outer& outer, const KeeperSpec& spec) : outer_(outer) {
  gateway_ = outer.start({.path = "/bin/sleep", .arguments = {"300"}}).value();
  auto [ours, theirs] = os::seqpacket_pair().value();
  auto [in_read, in_write] = os::pipe_pair().value();
  auto [out_read, out_write] = os::pipe_pair().value();
  lifeline_ = std::move(ours);
  stdin_ = std::move(in_write);
  stdout_ = std::move(out_read);

  std::vector<int> fds{in_read.get(), out_write.get(), 2, theirs.get(), gateway_.get()};
  std::vector<std::string> arguments{"tree",
                                     "--id",
                                     "test",
                                     "--cwd",
                                     "/",
                                     "--lost",
                                     std::to_string(spec.lost),
                                     "--patience",
                                     std::to_string(spec.patience)};
  if (spec.rung == TestRung::leaf) {
    leaf_ = os::CgroupLeaf::create(outer.cgroup(), "holdfast-tree-" + random_hex(4)).value();
    if (spec.poison_leaf) EXPECT_TRUE(leaf_.kill_pass());
    if (!spec.uid.empty()) delegate(outer.cgroup(), leaf_, spec.uid);
    fds.push_back(leaf_.dir());
    arguments.insert(arguments.end(), {"--leaf", spec.leaf_way});
  }
  if (in_pidns(spec.rung)) arguments.insert(arguments.end(), {"--pidns", "yes"});
  arguments.insert(arguments.end(), {"--", spec.program});
  if (spec.with_marker) {
    // A FIFO whose reading end is held here: touching it can be waited for.
    marker_path_ = testing::TempDir() + "holdfast-marker-" + random_hex(6);
    EXPECT_EQ(::mkfifo(marker_path_.c_str(), 0600), 0);
    EXPECT_EQ(::chmod(marker_path_.c_str(), 0666), 0);  // another user's server touches it, too
    marker_ = UniqueFd(::open(marker_path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    arguments.push_back(marker_path_);
  }
  arguments.insert(arguments.end(), spec.arguments.begin(), spec.arguments.end());
  std::string program = spec.keeper;
  const std::string uid = spec.rung == TestRung::user_pidns ? kOrdinaryUser : spec.uid;
  if (!uid.empty()) {
    arguments.insert(arguments.begin(), {"--reuid", uid, "--clear-groups", program});
    program = "/usr/bin/setpriv";
  }
  keeper_ = outer
                .start({.path = program,
                        .arguments = arguments,
                        .environment = {"PATH=/usr/bin:/bin", "HOLDFAST_TREE=test"},
                        .fds = fds})
                .value();
}

KeeperRun::~KeeperRun() {
  if (!marker_path_.empty()) ::unlink(marker_path_.c_str());
}

bool KeeperRun::hear(milliseconds limit) {
  if (!lifeline_ || !wait_readable(lifeline_.get(), POLLIN, limit)) return false;
  KeeperDatagram message;
  const auto size = os::recv_message(lifeline_.get(), std::as_writable_bytes(std::span(&message, 1)));
  if (!size || *size != sizeof message) return false;
  heard_.push_back(message);
  return true;
}

std::optional<KeeperDatagram> KeeperRun::expect(KeeperMessage kind) {
  for (const auto& message : heard_) {
    if (message.kind == kind) return message;
  }
  while (hear(kLimit)) {
    if (heard_.back().kind == kind) return heard_.back();
  }
  return std::nullopt;
}

void KeeperRun::wait_for_evil() { ASSERT_TRUE(evil_within(kLimit)) << "the adversary never got ready"; }

bool KeeperRun::evil_within(milliseconds limit) { return wait_readable(marker_.get(), POLLIN, limit); }

void KeeperRun::stop(int eof, int term) {
  stdin_.reset();
  const KeeperDatagram message{.kind = KeeperMessage::stop, .a = eof, .b = term};
  // A server that ends at once at the end of its input may have taken its keeper along before the word is
  // sent.
  const auto sent = os::send_message(lifeline_.get(), std::as_bytes(std::span(&message, 1)));
  EXPECT_TRUE(sent || sent.error().is_errno(EPIPE)) << sent.error().message();
}

void KeeperRun::kill_gateway() {
  EXPECT_TRUE(gateway_.signal(SIGKILL).value());
  EXPECT_TRUE(wait_readable(gateway_.get(), POLLIN, kLimit));
}

void KeeperRun::kill_keeper() {
  EXPECT_TRUE(keeper_.signal(SIGKILL).value());
  EXPECT_TRUE(wait_readable(keeper_.get(), POLLIN, kLimit));
}

void KeeperRun::kill_in_one_stroke() {
  EXPECT_TRUE(keeper_.signal(SIGSTOP).value());  // so that it does nothing between the two
  EXPECT_TRUE(gateway_.signal(SIGKILL).value());
  kill_keeper();
}

std::optional<os::Waited> KeeperRun::keeper_end(milliseconds limit) {
  if (!wait_readable(keeper_.get(), POLLIN, limit)) return std::nullopt;
  while (hear(milliseconds(0))) {
  }
  auto ended = os::wait_child(keeper_.pid());
  if (!ended || ended->pid == 0) return std::nullopt;
  (void)gateway_.signal(SIGKILL);
  EXPECT_TRUE(wait_readable(gateway_.get(), POLLIN, kLimit));
  return *ended;
}

}  // namespace holdfast::test
