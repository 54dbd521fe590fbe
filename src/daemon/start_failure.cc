#include "daemon/start_failure.h"

#include <algorithm>

namespace holdfast::daemon {
namespace {

bool is_any_of(const Error& error, std::initializer_list<int> numbers) {
  return std::ranges::any_of(numbers, [&](int number) { return error.is_errno(number); });
}

}  // namespace

std::string advice(const Error& error, const Paths& paths) {
  const std::string state = paths.state_dir.string();
  if (is_any_of(error, {ENOSPC, EDQUOT}))
    return "the disk that holds " + state + " is full: make room there, or give another --state-dir";
  if (is_any_of(error, {EIO}))
    return "the disk that holds " + state +
           " cannot be written: it is full, or it fails; another --state-dir may do";
  if (is_any_of(error, {EMFILE}))
    return "too few files may be open at once: raise the limit (`ulimit -n`, or LimitNOFILE= of its unit)";
  if (is_any_of(error, {EAGAIN}))
    return "too few processes and threads may run at once: raise the limit (`ulimit -u`, or TasksMax= of its "
           "unit)";
  if (is_any_of(error, {ENFILE}))
    return "the whole machine has too many files open: end what holds them, or raise fs.file-max";
  if (is_any_of(error, {EADDRINUSE}))
    return "another program listens there: end it, or give another --listen";
  if (error.op == "open database" && error.is(Errc::invalid))
    return "the history is damaged: move " + (paths.state_dir / "holdfast.db").string() +
           " (with its -wal and -shm) away, and start with an empty one";
  if (error.op == "tokens" && error.is(Errc::invalid))
    return "nobody is admitted by a list that may not be ours: mend " +
           (paths.state_dir / "tokens.json").string() + " (mode 600), or move it away and make new tokens";
  const bool in_state = error.op == "open database" || error.subject.view().starts_with(state);
  if (in_state && is_any_of(error, {EACCES, EPERM, EROFS}))
    return "this user must be able to write in " + state + ": change its owner, or give another --state-dir";
  return {};
}

}  // namespace holdfast::daemon
