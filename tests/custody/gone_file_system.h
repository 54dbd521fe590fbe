// A file system that has gone away, as an NFS mount whose server is dead: a FUSE mount that nobody serves.
#pragma once

#include <string>

#include "base/unique_fd.h"

namespace holdfast::test {

class GoneFileSystem {
 public:
  // In what whoever looks at it waits. Either ends (with an error) when this object goes.
  enum class Sleep {
    killable,         // only SIGKILL ends it
    uninterruptible,  // nothing does: state D, from the moment of await_sleeper() on
  };
  explicit GoneFileSystem(Sleep sleep);
  ~GoneFileSystem();
  GoneFileSystem(const GoneFileSystem&) = delete;
  GoneFileSystem& operator=(const GoneFileSystem&) = delete;

  explicit operator bool() const { return reason_.empty(); }
  [[nodiscard]] const std::string& why_not() const { return reason_; }  // what the machine lacks
  [[nodiscard]] const std::string& path() const { return path_; }

  // Sleep::uninterruptible: takes the next request and never answers it; who made it cannot be killed then.
  // False: nobody asked within 10 s.
  [[nodiscard]] bool await_sleeper();

 private:
  bool answer_first_request();
  bool take_request(void* buffer, std::size_t size);
  void lack(const std::string& what);

  std::string path_, reason_;
  UniqueFd fuse_;
};

}  // namespace holdfast::test
