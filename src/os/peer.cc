#include "os/peer.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace holdfast::os {

Result<PeerCredentials> peer_credentials(int socket) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
    return sys_error("getsockopt SO_PEERCRED");
  }
  return PeerCredentials{credentials.pid, credentials.uid, credentials.gid};
}

uid_t effective_uid() { return ::geteuid(); }

Result<FileIdentity> identify_file(const char* path) {
  struct stat status{};
  if (::lstat(path, &status) != 0) return sys_error("lstat", path);
  return FileIdentity{status.st_dev, status.st_ino, S_ISSOCK(status.st_mode)};
}

}  // namespace holdfast::os
