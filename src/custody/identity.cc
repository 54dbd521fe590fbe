#include "custody/identity.h"

#include <unistd.h>

#include "base/mutant.h"
#include "os/descriptors.h"
#include "os/process.h"
#include "os/procfs.h"

namespace holdfast::custody {

Identity identify(const os::PidFd& process) {
  Identity who{.pid = process.pid()};
  if (auto stat = os::read_stat(process.pid()); stat && !process.exited())
    who.start_ticks = stat->start_ticks;
  if (auto handle = os::process_handle(process.get())) who.handle = *handle;
  return who;
}

Identity identify(pid_t pid) {
  const auto process = os::PidFd::open(pid);
  return process ? identify(*process) : Identity{};
}

Verdict judge(const Identity& recorded, uid_t uid, const Observed& seen) {
  if (recorded.pid <= 0 || !seen.same_boot) return Verdict::gone;
  if (kSwitchedOff == Mechanism::identity) return seen.alive ? Verdict::ours : Verdict::gone;
  if (seen.handle_names_it) return seen.alive ? Verdict::ours : Verdict::gone;
  if (seen.handle_refused || !seen.alive) return Verdict::gone;
  if (seen.start_ticks != recorded.start_ticks) return Verdict::gone;  // a successor of the number
  // Start times are coarse: the same number may come back within one tick.
  return seen.uid == uid && seen.marked ? Verdict::ours : Verdict::unprovable;
}

namespace {

// Another gateway's keeper has the name, too; the id of the tree stands in the title of one only.
bool keeps(pid_t pid, const os::ProcStat& stat, std::string_view tree) {
  return stat.comm.view().starts_with(kKeeperName) && os::command_line_has(pid, tree);
}
bool carries(pid_t pid, std::string_view tag) {
  FixedString<224> value;
  const auto set = os::read_environ(pid, kTagVariable, value);
  return set && *set && value.view() == tag;
}

}  // namespace

Found find(const Identity& recorded, uid_t uid, const Mark& mark) {
  Found found;
  if (recorded.pid <= 1) return found;
  const auto shortages = os::descriptor_shortages();
  // Who could not look has not seen it gone.
  const auto unless_short = [&](Verdict verdict) {
    const bool blind = os::descriptor_shortages() != shortages;
    return blind && verdict == Verdict::gone ? Verdict::unprovable : verdict;
  };
  Observed seen{.same_boot = true};
  os::PidFd process;
  if (recorded.handle != 0 && kSwitchedOff != Mechanism::identity) {
    auto opened = os::open_process_handle(recorded.handle);
    if (opened) {
      process = os::PidFd(*std::move(opened), recorded.pid);
      seen.handle_names_it = true;
      seen.alive = !process.exited();
    } else {
      seen.handle_refused = opened.error().is_errno(ESTALE);
    }
  }
  if (!seen.handle_names_it && !seen.handle_refused) {
    auto opened = os::PidFd::open(recorded.pid);
    if (!opened) {
      found.verdict = unless_short(Verdict::gone);
      return found;
    }
    process = *std::move(opened);
    if (auto stat = os::read_stat(recorded.pid)) {
      seen.start_ticks = stat->start_ticks;
      seen.marked = mark.kept_tree.empty() ? carries(recorded.pid, mark.tag)
                                           : keeps(recorded.pid, *stat, mark.kept_tree);
    }
    seen.uid = os::real_uid(recorded.pid);
    seen.alive = !process.exited();  // asked last: all that was read was then read of this very process
  }
  found.verdict = unless_short(judge(recorded, uid, seen));
  if (found.verdict == Verdict::ours) found.process = std::move(process);
  return found;
}

bool handles_work() {
  const auto self = os::PidFd::open(::getpid());
  if (!self) return false;
  const auto handle = os::process_handle(self->get());
  return handle && os::open_process_handle(*handle).has_value();
}

}  // namespace holdfast::custody
