#include "custody/survey.h"

#include <fstream>
#include <utility>

#include "base/ids.h"
#include "custody/places.h"
#include "custody/rungs.h"
#include "os/descriptors.h"
#include "os/peer.h"
#include "os/pressure.h"
#include "os/process.h"
#include "os/procfs.h"

namespace holdfast::custody {

namespace {

// The first line; empty where there is none.
std::string line_of(const std::string& path) {
  std::string line;
  std::ifstream file(path);
  std::getline(file, line);
  return line;
}

constexpr const char* kMountCgroups =
    "mkdir -p /run/cgroup2 && mount -t cgroup2 none /run/cgroup2   # as root";

std::string by_systemd(const Surroundings& around) {
  return around.root ? "systemctl enable --now holdfast   # the unit of packaging/systemd"
                     : "systemd-run --user --scope -p Delegate=yes holdfast serve";
}

std::string to_be_delegated(const std::string& own, const Surroundings& around) {
  if (around.booted_by_systemd) return by_systemd(around);
  if (around.root) return "a cgroup v2 hierarchy that can be written: in a container, one that is privileged";
  const std::string directory = own + "/holdfast";
  return "D=" + directory + "; mkdir $D && chown " + std::to_string(os::effective_uid()) +
         " $D $D/cgroup.procs && echo $$ >$D/cgroup.procs   # as root, in the shell that then starts it";
}

Finding keeper_there(const std::filesystem::path& keeper) {
  if (os::is_executable(keeper.c_str())) return {"keeper", true, keeper.native()};
  return {"keeper", false, "not to be executed: " + keeper.native(),
          "install -D -t /usr/libexec/holdfast bin/holdfast-keeper"};
}

Finding leaf(const RungReport& rungs, const Result<std::string>& own, const Surroundings& around) {
  if (rungs.rung == Rung::leaf) return {"cgroup leaf", true, "below " + *own};
  return {"cgroup leaf", false, rungs.reason, own ? to_be_delegated(*own, around) : kMountCgroups};
}

// Of the settings that forbid user namespaces, the one that is set here.
std::string to_have_namespaces() {
  if (line_of("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1")
    return "sysctl kernel.apparmor_restrict_unprivileged_userns=0";
  if (line_of("/proc/sys/kernel/unprivileged_userns_clone") == "0")
    return "sysctl kernel.unprivileged_userns_clone=1";
  if (line_of("/proc/sys/user/max_user_namespaces") == "0") return "sysctl user.max_user_namespaces=10000";
  return "the right to make namespaces and to mount /proc in them: in a container, one that is privileged";
}

Finding pid_namespace(const RungReport& rungs) {
  if (rungs.no_pidns.empty())
    return {"PID namespace", true, "for servers that ask for it (isolation: pidns)"};
  return {"PID namespace", false, rungs.no_pidns, to_have_namespaces()};
}

Finding handles(const RungReport& rungs) {
  if (rungs.identity == "handle") return {"process handles", true, "survivors are known again beyond doubt"};
  return {"process handles", false, "survivors are known by start time and tag", "Linux 6.14"};
}

Finding children() {
  if (std::ifstream("/proc/thread-self/children").is_open())
    return {"lists of children", true, "descent is read from the kernel's own lists"};
  return {"lists of children", false, "descent is found by looking through all of /proc",
          "a kernel with CONFIG_PROC_CHILDREN"};
}

// As the gateway asks for it (daemon/pressure.cc).
Finding memory_pressure() {
  using std::chrono::milliseconds;
  if (const auto told = os::open_memory_pressure(milliseconds(200), milliseconds(2000)); !told)
    return {"memory pressure", false, told.error().message(), "boot with psi=1; for users, Linux 6.5"};
  return {"memory pressure", true, "idle instances go first when memory is short"};
}

std::string to_have_controllers(const Result<std::string>& own, const Surroundings& around) {
  if (!own) return kMountCgroups;
  const std::string above = std::filesystem::path(*own).parent_path();
  if (!std::ifstream(above + "/cgroup.controllers").is_open())
    return "boot with cgroup_no_v1=memory,pids   # the topmost cgroup lacks what an older hierarchy has";
  if (around.booted_by_systemd) return by_systemd(around);
  return "echo '+memory +pids' >" + above + "/cgroup.subtree_control   # as root";
}

Finding limits(const RungReport& rungs, const Result<std::string>& own, const Surroundings& around) {
  std::string ways;
  bool all = true;
  for (const auto& row : rungs.limits.rows()) {
    ways += (ways.empty() ? "" : ", ") + std::string(row.name) + " " + row.words();
    all = all && (row.way == Enforcement::Way::tree || row.name == "files");
  }
  return {"limits", all, ways, all ? "" : to_have_controllers(own, around)};
}

Finding descriptors() {
  const auto limit = os::descriptor_limit();
  constexpr std::uint64_t kEnough = 65536;
  const std::uint64_t hard = limit ? limit->hard : 0;
  return {"descriptors", hard >= kEnough, "at most " + std::to_string(hard),
          hard >= kEnough ? "" : "ulimit -Hn 65536   # as root; in a unit LimitNOFILE=65536"};
}

Finding service(const Surroundings& around) {
  if (around.service)
    return {"service manager", true, "what is left of a killed gateway and its keepers ends with the unit"};
  if (!around.booted_by_systemd)
    return {"service manager", false, "no systemd here", "a machine that systemd has booted"};
  return {"service manager", false, "not started by a unit",
          around.root ? "systemctl enable --now holdfast" : "systemctl --user enable --now holdfast"};
}

Finding ordinary_user(const Surroundings& around) {
  if (!around.root) return {"ordinary user", true, "servers cannot touch what is root's"};
  return {"ordinary user", false,
          "root: a server with root's rights can leave its cgroup and kill its guards",
          "useradd --system --home-dir /var/lib/holdfast holdfast   # and User=holdfast in the unit"};
}

}  // namespace

bool runs_a_unit(pid_t pid) {
  FixedString<224> main_process;
  const auto set = os::read_environ(pid, "SYSTEMD_EXEC_PID", main_process);
  return set && *set && main_process.view() == std::to_string(pid);
}

Surroundings look_around() {
  return {.booted_by_systemd = std::filesystem::is_directory("/run/systemd/system"),
          .service = runs_a_unit(os::own_pid()),
          .root = os::effective_uid() == 0};
}

Survey survey(const std::filesystem::path& keeper, const Surroundings& around) {
  const std::string id =
      random_hex(kGatewayIdBytes);  // as a gateway's: of a doctor that is killed the next start removes it
  const auto own = home_cgroup(id);
  Rungs found = find_rungs(id, keeper, true);
  (void)clear_away(std::move(found.handed), found.leaf_parent);
  const RungReport& rungs = found.report;
  return {.rungs = rungs,
          .findings = {keeper_there(keeper), leaf(rungs, own, around), pid_namespace(rungs), handles(rungs),
                       children(), memory_pressure(), limits(rungs, own, around), descriptors(),
                       service(around), ordinary_user(around)}};
}

namespace {

std::string in_one_stroke(Rung rung, bool service) {
  if (service) return "gone: systemd ends what is left of the unit (KillMode=mixed)";
  return rung == Rung::leaf
             ? "stays until the next start, which finds it by its leaf"
             : "stays until the next start, which ends what it can prove ours and reports the rest";
}

}  // namespace

std::string guarantee_in_short(Rung rung, bool service) {
  return std::string(rung == Rung::leaf
                         ? "The kernel keeps each tree in a cgroup of its own and says when it is empty."
                         : "A killed gateway leaves nothing, and neither does a killed keeper.") +
         " When gateway and keeper are killed in one stroke, what lives " + (service ? "is " : "") +
         in_one_stroke(rung, service) + '.';
}

std::vector<Guarantee> guarantees(Rung rung, bool service) {
  const bool leaf = rung == Rung::leaf;
  const auto same = [](std::string event, const std::string& what) {
    return Guarantee{std::move(event), what, what};
  };
  return {
      same("a client or a run ends or dies", "gone within the stop ladder"),
      {"a server ends, helpers of its stay",
       leaf ? "gone, proven by the kernel's count" : "gone, found by descent however they detached",
       "gone with the namespace"},
      same("the gateway is stopped", "all gone when it has ended, or named as unkillable"),
      same("the gateway is killed", "gone within `lost` and the time of SIGKILL"),
      {"a keeper is killed",
       leaf ? "gone at once: the gateway kills the leaf" : "gone at once: the gateway adopts and kills them",
       "gone at once: the kernel kills the namespace"},
      {"gateway and keeper are killed in one stroke", in_one_stroke(rung, service),
       "gone at once: the kernel kills the namespace"},
      {"a server moves itself out of its cgroup", "found by descent, while gateway or keeper lives",
       "nobody leaves a PID namespace"},
      {"a server attacks keeper and gateway", "as when both are killed: the same user may signal them",
       "it does not see them"},
      {"a member becomes another user's (setuid)",
       leaf ? "gone: the kernel kills the leaf"
            : "may stay where SIGKILL is refused: reported, its server parked",
       "gone with the namespace"},
      same("a member hangs in the kernel (state D)",
           "reported until the kernel lets go, its server parked, nobody else delayed"),
  };
}

}  // namespace holdfast::custody
