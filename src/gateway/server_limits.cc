#include "gateway/server_limits.h"

#include "base/log.h"

namespace holdfast::gateway {

custody::Limits limits_of(const config::Server& server) {
  const auto number = [](const auto& value) { return static_cast<std::uint64_t>(value.value_or(0)); };
  const config::Limits& limits = server.limits;
  return {.memory = number(limits.memory),
          .pids = number(limits.pids),
          .cpu = number(limits.cpu_percent),
          .files = number(limits.files)};
}

std::vector<std::pair<std::string, std::string>> limit_ways(const config::Server& server,
                                                            const custody::Enforcement& here) {
  std::vector<std::pair<std::string, std::string>> ways;
  for (const auto& row : here.rows_for(limits_of(server))) ways.emplace_back(row.name, row.words());
  return ways;
}

void warn_of_limits(const config::Server& server, const custody::Enforcement& here) {
  for (const auto& row : here.rows_for(limits_of(server)))
    if (row.way == custody::Enforcement::Way::none)
      log::warn("server.limit", {{"server", server.name}, {"limit", row.name}, {"reason", row.words()}});
}

}  // namespace holdfast::gateway
