#include "custody/types.h"

#include <cerrno>
#include <csignal>
#include <cstring>

namespace holdfast::custody {

std::string_view to_string(TreeState state) {
  switch (state) {
    case TreeState::starting:
      return "starting";
    case TreeState::active:
      return "active";
    case TreeState::orphaned:
      return "orphaned";
    case TreeState::stopping:
      return "stopping";
    case TreeState::unkillable:
      return "unkillable";
    case TreeState::gone:
      return "gone";
  }
  return "?";
}

bool is_shortage(const Error& error) {
  for (const int number : {EMFILE, ENFILE, ENOSPC, EDQUOT, ENOMEM, EAGAIN, EROFS, EIO})
    if (error.is_errno(number)) return true;
  return false;
}

std::string_view to_string(Rung rung) {
  if (rung == Rung::pidns) return "pidns";
  return rung == Rung::leaf ? "leaf" : "tree";
}

std::string to_string(ExitStatus status) {
  if (status.signal == 0) return "exit " + std::to_string(status.code);
  if (const char* name = ::sigabbrev_np(status.signal)) return std::string("SIG") + name;
  return "signal " + std::to_string(status.signal);
}

}  // namespace holdfast::custody
