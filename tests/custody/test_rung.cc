#include "test_rung.h"

#include <unistd.h>

#include <cstdlib>

namespace holdfast::test {

std::string name_of(TestRung rung) {
  static const char* const names[] = {"tree", "leaf", "pidns", "user_pidns"};
  return names[static_cast<int>(rung)];
}

std::string why_not_offered(TestRung rung, const Outer& outer) {
  if (rung == TestRung::leaf) return outer.why_no_cgroup();
  if (!in_pidns(rung)) return {};
  if (rung == TestRung::user_pidns && ::geteuid() != 0) return "only root can become another user";
  // Asked of somebody else's program: unshare(1).
  const std::string user = std::string("/usr/bin/setpriv --reuid ") + kOrdinaryUser + " --clear-groups ";
  const bool needs_user_namespace = rung == TestRung::user_pidns || ::geteuid() != 0;
  const std::string made = (rung == TestRung::user_pidns ? user : "") +
                           "/usr/bin/unshare --pid --fork --mount-proc " +
                           (needs_user_namespace ? "--user --map-current-user true" : "true");
  return std::system(("exec " + made + " 2>/dev/null").c_str()) == 0 ? ""
                                                                     : "no PID namespace may be made here";
}

}  // namespace holdfast::test
