#include "custody/rungs.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <fstream>
#include <span>
#include <thread>

#include "base/ids.h"
#include "base/log.h"
#include "custody/identity.h"
#include "custody/keeper_protocol.h"
#include "os/cgroup.h"
#include "os/process.h"
#include "os/spawn.h"
#include "os/text_file.h"

namespace holdfast::custody {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
constexpr milliseconds kProbeLimit{2000};
constexpr milliseconds kHoldLimit{500};
constexpr std::size_t kIdBytes = 4;
constexpr std::string_view kParent = "holdfast-";  // and a gateway's id

bool is_id(std::string_view id) {
  return id.size() == 2 * kIdBytes && id.find_first_not_of("0123456789abcdef") == id.npos;
}

// A keeper without a lifeline says how it is used and ends; what counts is that it was born in the leaf.
Result<os::PidFd> spawn_probe(const std::filesystem::path& keeper, const os::CgroupLeaf& leaf,
                              bool& poisoned) {
  auto null = os::open_null();
  if (!null) return forward(null);
  std::string name = "holdfast-keeper";
  std::string verb = "probe";
  const std::array<char*, 3> argv{name.data(), verb.data(), nullptr};
  const std::array<char*, 1> envp{nullptr};
  const std::array fds{null->get(), null->get(), null->get()};
  return os::spawn(
      {.path = keeper.c_str(), .argv = argv.data(), .envp = envp.data(), .fds = fds, .leaf_fd = leaf.dir()},
      &poisoned);
}

Result<void> empty_out(const os::CgroupLeaf& leaf, const os::PidFd& child) {
  const auto deadline = steady_clock::now() + kProbeLimit;
  if (auto killed = leaf.kill_pass(); !killed) return forward(killed);
  for (;;) {
    auto waited = os::wait_child(child.pid());
    auto populated = leaf.populated();
    if (!populated) return forward(populated);
    if (!*populated && (!waited || waited->pid != 0)) return {};
    if (steady_clock::now() > deadline) return fail(Errc::timeout, "cgroup.kill", "the probe would not die");
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    (void)leaf.kill_pass();
  }
}

// What the keeper of a rehearsal says: the server was started, or why it was not.
Result<void> hear_out(int lifeline, steady_clock::time_point deadline) {
  Result<void> heard = fail(Errc::unproven, "pid namespace", "its keeper ended without a word");
  for (;;) {
    std::array set{os::Poll{lifeline, POLLIN, 0}};
    const auto rest = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
    if (os::poll_all(set, std::max(rest, milliseconds(0))).value_or(0) == 0)
      return fail(Errc::timeout, "pid namespace", "its keeper says nothing");
    KeeperDatagram word;
    const auto size = os::recv_message(lifeline, std::as_writable_bytes(std::span(&word, 1)));
    if (!size || *size == 0) return heard;
    if (word.kind == KeeperMessage::started) heard = {};
    if (word.kind == KeeperMessage::spawn_failed)
      heard = sys_error(os::to_string(static_cast<os::SpawnStep>(word.b)), {}, static_cast<int>(word.a));
  }
}

// The whole life of a tree in a PID namespace: its server is the keeper's program, which says how it is used.
Result<void> rehearse_pidns(const std::filesystem::path& keeper) {
  auto null = os::open_null();
  auto lifeline = os::seqpacket_pair();
  auto self = os::PidFd::open(os::own_pid());
  if (!null) return forward(null);
  if (!lifeline) return forward(lifeline);
  if (!self) return forward(self);
  std::array<std::string, 8> words{"holdfast-keeper", "tree", "--id", "probe",
                                   "--pidns",         "yes",  "--",   keeper.native()};
  std::array<char*, words.size() + 1> argv{};
  std::ranges::transform(words, argv.begin(), [](std::string& word) { return word.data(); });
  const std::array<char*, 1> envp{nullptr};
  const std::array fds{null->get(), null->get(), null->get(), lifeline->second.get(), self->get()};
  auto child = os::spawn({.path = keeper.c_str(), .argv = argv.data(), .envp = envp.data(), .fds = fds});
  if (!child) return forward(child);
  lifeline->second.reset();
  const auto heard = hear_out(lifeline->first.get(), steady_clock::now() + kProbeLimit);
  if (!heard) (void)child->signal(SIGKILL);
  std::array set{os::Poll{child->get(), POLLIN, 0}};
  if (os::poll_all(set, kProbeLimit).value_or(0) > 0) (void)os::wait_child(child->pid());
  return heard;
}

// The whole life of a tree in small.
Result<void> rehearse(const std::string& parent, const std::filesystem::path& keeper, const Limits& limits,
                      bool& poisoned) {
  const std::string name = "probe-" + random_hex(kIdBytes);
  auto leaf = os::CgroupLeaf::create(parent, name);
  if (!leaf) return forward(leaf);
  Result<void> done = limit_leaf(*leaf, limits);
  if (!done) {
    // Nobody is in it.
  } else if (auto child = spawn_probe(keeper, *leaf, poisoned)) {
    done = empty_out(*leaf, *child);
  } else {
    done = forward(child);
  }
  auto removed = os::remove_cgroup(parent + '/' + name);
  if (done && !removed) done = forward(removed);
  return done;
}

Rungs only_tree(std::string reason, std::string identity) {
  return {.report = {.rung = Rung::tree,
                     .reason = std::move(reason),
                     .spawn = "none",
                     .identity = std::move(identity)},
          .leaf_parent = {}};
}

}  // namespace

std::string leaf_parent_of(const std::string& own, const std::string& id) {
  return own + '/' + std::string(kParent) + id;
}

Result<std::string> home_cgroup(const std::string& id) {
  auto own = os::own_cgroup();
  const std::string room = room_of(leaf_parent_of("", id));
  if (own && own->ends_with(room)) own->resize(own->size() - room.size());
  return own;
}

namespace {

// Makes the directory, if need be, and holds it. Who removes it in this moment for an abandoned one is soon
// done.
Result<os::CgroupLeaf> hold(const std::string& parent) {
  const auto deadline = steady_clock::now() + kHoldLimit;
  for (;;) {
    std::error_code ec;
    std::filesystem::create_directory(parent, ec);
    if (ec) return std::unexpected(Error{ec, "mkdir", std::string_view(parent)});
    auto dir = os::CgroupLeaf::open(parent);
    const auto locked = dir ? os::lock_descriptor(dir->dir(), false) : forward(dir);
    if (locked && dir->events_fd()) return dir;  // which a removed one does not give
    const bool may_pass = locked || locked.error().is_errno(ENOENT) || locked.error().is_errno(EWOULDBLOCK);
    if (!may_pass || steady_clock::now() >= deadline)
      return locked ? fail(Errc::timeout, "hold", parent) : std::unexpected(locked.error());
    std::this_thread::sleep_for(milliseconds(1));
  }
}

void remove_abandoned(const std::string& own, const std::string& mine) {
  const auto names = os::list_cgroups(own, kParent);
  if (!names) return;
  for (const auto& name : *names) {
    const std::string path = own + '/' + name;
    if (path == mine || !is_id(std::string_view(name).substr(kParent.size()))) continue;
    const auto dir = os::CgroupLeaf::open(path);
    if (!dir || !os::lock_descriptor(dir->dir(), true)) continue;
    (void)os::remove_cgroup(path);
    (void)os::remove_cgroup(room_of(path));
  }
}

Rungs find_leaf(const std::string& gateway_id, const std::filesystem::path& keeper, bool allow_leaf) {
  std::string identity = handles_work() ? "handle" : "start_ticks";
  if (!allow_leaf) return only_tree("leaves are not allowed", std::move(identity));
  auto own = home_cgroup(gateway_id);
  if (!own) return only_tree(own.error().message(), std::move(identity));
  std::string parent = leaf_parent_of(*own, gateway_id);
  remove_abandoned(*own, parent);
  auto held = hold(parent);
  if (!held) return only_tree(held.error().message(), std::move(identity));
  bool poisoned = false;
  if (auto works = rehearse(parent, keeper, {}, poisoned); !works) {
    (void)os::remove_cgroup(parent);
    return only_tree(works.error().message(), std::move(identity));
  }
  return {.report = {.rung = Rung::leaf,
                     .reason = "leaves below " + parent,
                     .spawn = poisoned ? "write_procs" : "clone_into",
                     .identity = std::move(identity)},
          .leaf_parent = std::move(parent),
          .hold = *std::move(held),
          .leaf_by_procs = poisoned};
}

// Limits of leaves, if a leaf that has some works as one without.
void find_limits(Rungs& rungs, const std::filesystem::path& keeper) {
  const std::string& parent = rungs.leaf_parent;
  if (parent.empty()) return;
  const Limits probe{.memory = 64U << 20, .pids = 64, .cpu = 100, .files = 0};
  rungs.report.limits = rungs.handed.hand_down(std::filesystem::path(parent).parent_path(), parent);
  const Limits limits = rungs.report.limits.of_leaf(probe);
  if (!limits.need_leaf()) return;
  if (auto works = rehearse(parent, keeper, limits, rungs.leaf_by_procs); !works) {
    rungs.handed.take_back();
    rungs.report.limits = {.why_not = works.error().message()};
    return;
  }
  rungs.report.spawn = rungs.leaf_by_procs ? "write_procs" : "clone_into";  // from where we live now
}

}  // namespace

Rungs find_rungs(const std::string& gateway_id, const std::filesystem::path& keeper, bool allow_leaf) {
  Rungs rungs = find_leaf(gateway_id, keeper, allow_leaf);
  find_limits(rungs, keeper);
  if (auto works = rehearse_pidns(keeper); !works) rungs.report.no_pidns = works.error().message();
  return rungs;
}

void log_rungs(const RungReport& report) {
  log::info("custody", {{"rung", to_string(report.rung)},
                        {"pidns", report.no_pidns.empty() ? "yes" : "no(" + report.no_pidns + ")"},
                        {"spawn", report.spawn},
                        {"identity", report.identity},
                        {"reason", report.reason}});
}

void log_limits(const Enforcement& limits) {
  const auto rows = limits.rows();
  log::info("custody.limits", {{rows[0].name, rows[0].way},
                               {rows[1].name, rows[1].way},
                               {rows[2].name, rows[2].way},
                               {rows[3].name, rows[3].way}});
}

Result<std::string> persistent_gateway_id(const std::filesystem::path& state_dir,
                                          const std::optional<std::string>& known) {
  const auto path = state_dir / "gateway-id";
  std::string id;
  std::error_code not_there;
  if (std::filesystem::is_regular_file(path, not_there)) std::ifstream(path) >> id;
  if (is_id(id)) return id;
  const bool from_ledger = known && is_id(*known);
  if (from_ledger) log::warn("custody.gateway_id", {{"lost", path.native()}, {"from_the_ledger", *known}});
  id = from_ledger ? *known : random_hex(kIdBytes);
  const auto temporary = state_dir / "gateway-id.tmp";
  if (auto written = os::write_file(temporary, id + '\n'); !written) return forward(written);
  std::error_code ec;
  std::filesystem::rename(temporary, path, ec);
  if (ec) return sys_error("rename", path.native(), ec.value());
  return id;
}

}  // namespace holdfast::custody
