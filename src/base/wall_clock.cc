#include "base/wall_clock.h"

#include <fmt/chrono.h>

namespace holdfast {

using std::chrono::floor;
using std::chrono::milliseconds;
using std::chrono::seconds;

std::string rfc3339(SystemTime time) { return fmt::format("{:%FT%TZ}", fmt::gmtime(floor<seconds>(time))); }

std::string rfc3339_milliseconds(SystemTime time) {
  const auto whole = floor<seconds>(time);
  return fmt::format("{:%FT%T}.{:03}Z", fmt::gmtime(whole), floor<milliseconds>(time - whole).count());
}

}  // namespace holdfast
