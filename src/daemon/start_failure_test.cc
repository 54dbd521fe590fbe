#include "daemon/start_failure.h"

#include <gtest/gtest.h>

namespace holdfast::daemon {
namespace {

const Paths kPaths{.config = {}, .state_dir = "/var/lib/holdfast", .socket = {}, .keeper = {}};

std::string advised(const std::unexpected<Error>& failed) { return advice(failed.error(), kPaths); }

TEST(StartFailure, says_what_helps) {
  EXPECT_EQ(advised(sys_error("open database", "disk I/O error", EIO)),
            "the disk that holds /var/lib/holdfast cannot be written: it is full, or it fails; another "
            "--state-dir may do");
  EXPECT_EQ(advised(sys_error("write", "/var/lib/holdfast/lock", ENOSPC)),
            "the disk that holds /var/lib/holdfast is full: make room there, or give another --state-dir");
  EXPECT_EQ(
      advised(sys_error("mkdir", "/var/lib/holdfast/logs", EACCES)),
      "this user must be able to write in /var/lib/holdfast: change its owner, or give another --state-dir");
  EXPECT_EQ(
      advised(sys_error("open database", "attempt to write a readonly database", EACCES)),
      "this user must be able to write in /var/lib/holdfast: change its owner, or give another --state-dir");
  EXPECT_EQ(advised(fail(Errc::invalid, "open database", "file is not a database")),
            "the history is damaged: move /var/lib/holdfast/holdfast.db (with its -wal and -shm) away, and "
            "start with "
            "an empty one");
  EXPECT_EQ(advised(sys_error("open database", "/var/lib/holdfast/holdfast.db: unable to open", EMFILE)),
            "too few files may be open at once: raise the limit (`ulimit -n`, or LimitNOFILE= of its unit)");
  EXPECT_EQ(advised(sys_error("open", "/proc/self", ENFILE)),
            "the whole machine has too many files open: end what holds them, or raise fs.file-max");
  EXPECT_EQ(advised(sys_error("bind", "127.0.0.1:4653", EADDRINUSE)),
            "another program listens there: end it, or give another --listen");
}

TEST(StartFailure, invents_nothing) {
  EXPECT_EQ(advised(fail(Errc::refused, "open database", "made by a newer version")), "");
  EXPECT_EQ(advised(sys_error("clone3", "", EACCES)), "");
  EXPECT_EQ(advised(sys_error("bind", "[::1]:80", EACCES)), "");
}

}  // namespace
}  // namespace holdfast::daemon
