#include "os/descriptors.h"

#include <fcntl.h>
#include <sys/resource.h>

#include <cerrno>
#include <vector>

#include "base/mutant.h"

namespace holdfast::os {
namespace {

thread_local std::uint64_t shortages = 0;

}  // namespace

Result<DescriptorLimit> descriptor_limit() {
  struct rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return sys_error("getrlimit", "RLIMIT_NOFILE");
  return DescriptorLimit{.soft = limit.rlim_cur, .hard = limit.rlim_max};
}

Result<DescriptorLimit> raise_descriptor_limit() {
  auto before = descriptor_limit();
  if (!before) return before;
  const struct rlimit limit{.rlim_cur = before->hard, .rlim_max = before->hard};
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return sys_error("setrlimit", "RLIMIT_NOFILE");
  return before;
}

Result<void> can_open(int count) {
  std::vector<UniqueFd> opened;
  for (int i = 0; i < count; ++i)
    if (!opened.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC)))
      return sys_error("open", "/dev/null");
  return {};
}

std::uint64_t descriptor_shortages() { return shortages; }

void note_shortage(int number) {
  if (kSwitchedOff == Mechanism::shortage_news) return;
  if (number == EMFILE || number == ENFILE || number == ENOMEM) ++shortages;
}

void DescriptorReserve::refill() {
  if (kSwitchedOff == Mechanism::descriptor_reserve) return;
  for (auto& kept : kept_) {
    if (kept) continue;
    kept = UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!kept) return;
  }
}

void DescriptorReserve::release() {
  for (auto& kept : kept_) kept.reset();
}

}  // namespace holdfast::os
