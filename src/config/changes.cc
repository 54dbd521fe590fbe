#include "config/changes.h"

namespace holdfast::config {

std::vector<std::string> needs_restart(const Config& before, const Config& after) {
  std::vector<std::string> out;
  const auto look = [&](const char* path, auto member) {
    if (before.*member != after.*member) out.emplace_back(path);
  };
  look("listen", &Config::listen);
  look("custody.require", &Config::custody_require);
  look("sessions.idleTimeout", &Config::session_idle_timeout);
  look("sessions.reconnectGrace", &Config::session_reconnect_grace);
  look("auth.anonymous", &Config::auth_anonymous);
  look("http", &Config::http);
  look("audit", &Config::audit);
  return out;
}

}  // namespace holdfast::config
