// Who is on the other end of a unix socket, and who we are.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "base/result.h"

namespace holdfast::os {

// The process that called connect() (SO_PEERCRED): as it was then, the pid may be gone by now.
struct PeerCredentials {
  pid_t pid = 0;
  uid_t uid = 0;
  gid_t gid = 0;
};
Result<PeerCredentials> peer_credentials(int socket);

uid_t effective_uid();

// Device and inode of a file (not followed if it is a link), to tell our socket from one that replaced it.
struct FileIdentity {
  std::uint64_t device = 0, inode = 0;
  bool is_socket = false;
  bool operator==(const FileIdentity&) const = default;
};
Result<FileIdentity> identify_file(const char* path);

}  // namespace holdfast::os
