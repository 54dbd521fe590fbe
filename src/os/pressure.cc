#include "os/pressure.h"

#include <fcntl.h>
#include <unistd.h>

#include <string>

namespace holdfast::os {

namespace {

constexpr const char* kFile = "/proc/pressure/memory";

}  // namespace

Result<UniqueFd> open_memory_pressure(std::chrono::microseconds stall, std::chrono::microseconds window) {
  UniqueFd fd(::open(kFile, O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!fd) return sys_error("open", kFile);
  const std::string trigger = "some " + std::to_string(stall.count()) + " " + std::to_string(window.count());
  // With its zero, which older kernels overwrite the last byte of the text by.
  if (::write(fd.get(), trigger.c_str(), trigger.size() + 1) < 0) return sys_error("write", kFile);
  return fd;
}

}  // namespace holdfast::os
