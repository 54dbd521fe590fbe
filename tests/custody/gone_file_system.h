// A file system that has gone away, as an NFS mount whose server is dead: whoever looks at it waits, and only
// SIGKILL ends the wait. A FUSE mount that nobody serves.
#pragma once

#include <string>

#include "base/unique_fd.h"

namespace holdfast::test {

class GoneFileSystem {
 public:
  GoneFileSystem();
  ~GoneFileSystem();  // who still waits is let go with an error
  GoneFileSystem(const GoneFileSystem&) = delete;
  GoneFileSystem& operator=(const GoneFileSystem&) = delete;

  explicit operator bool() const { return reason_.empty(); }
  [[nodiscard]] const std::string& why_not() const { return reason_; }  // what the machine lacks
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_, reason_;
  UniqueFd fuse_;
};

}  // namespace holdfast::test
