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
#include "custody/places.h"
#include "os/cgroup.h"
#include "os/process.h"
#include "os/spawn.h"
#include "os/text_file.h"

namespace holdfast::custody {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
constexpr milliseconds kProbeLimit{2000};

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

Result<void> live_and_die(const os::CgroupLeaf& leaf, const std::filesystem::path& keeper,
                          const Limits& limits, bool& poisoned) {
  if (auto limited = limit_leaf(leaf, limits); !limited) return limited;
  auto child = spawn_probe(keeper, leaf, poisoned);
  if (!child) return forward(child);
  return empty_out(leaf, *child);
}

// The whole life of a tree in small.
Result<void> rehearse(const std::string& parent, const std::filesystem::path& keeper, const Limits& limits,
                      bool& poisoned) {
  const std::string name = "probe-" + random_hex(kGatewayIdBytes);
  auto leaf = os::CgroupLeaf::create(parent, name);
  if (!leaf) return forward(leaf);
  auto done = live_and_die(*leaf, keeper, limits, poisoned);
  auto removed = os::remove_cgroup(parent + '/' + name);
  return done ? removed : done;
}

Rungs only_tree(std::string reason, std::string identity) {
  return {.report = {.rung = Rung::tree,
                     .reason = std::move(reason),
                     .spawn = "none",
                     .identity = std::move(identity)},
          .leaf_parent = {}};
}

Rungs find_leaf(const std::string& gateway_id, const std::filesystem::path& keeper, bool allow_leaf) {
  std::string identity = handles_work() ? "handle" : "start_ticks";
  if (!allow_leaf) return only_tree("leaves are not allowed", std::move(identity));
  auto own = home_cgroup(gateway_id);
  if (!own) return only_tree(own.error().message(), std::move(identity));
  std::string parent = leaf_parent_of(*own, gateway_id);
  remove_abandoned(*own, gateway_id);
  auto held = hold(parent);
  if (!held) return only_tree(held.error().message(), std::move(identity));
  bool poisoned = false;
  if (auto works = rehearse(parent, keeper, {}, poisoned); !works) {
    (void)remove_places(parent);
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

Result<void> clear_away(Delegation handed, const std::string& leaf_parent) {
  if (leaf_parent.empty()) return {};
  handed.take_back();
  return remove_places(leaf_parent);
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
  log::info("custody.limits", {{rows[0].name, rows[0].words()},
                               {rows[1].name, rows[1].words()},
                               {rows[2].name, rows[2].words()},
                               {rows[3].name, rows[3].words()}});
}

Result<std::string> persistent_gateway_id(const std::filesystem::path& state_dir,
                                          const std::optional<std::string>& known) {
  const auto path = state_dir / "gateway-id";
  std::string id;
  std::error_code not_there;
  if (std::filesystem::is_regular_file(path, not_there)) std::ifstream(path) >> id;
  if (is_gateway_id(id)) return id;
  const bool from_ledger = known && is_gateway_id(*known);
  if (from_ledger) log::warn("custody.gateway_id", {{"lost", path.native()}, {"from_the_ledger", *known}});
  id = from_ledger ? *known : random_hex(kGatewayIdBytes);
  const auto temporary = state_dir / "gateway-id.tmp";
  if (auto written = os::write_file(temporary, id + '\n'); !written) return forward(written);
  std::error_code ec;
  std::filesystem::rename(temporary, path, ec);
  if (ec) return sys_error("rename", path.native(), ec.value());
  return id;
}

}  // namespace holdfast::custody
