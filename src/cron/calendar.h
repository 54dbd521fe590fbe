// Zones of the system's tz database. The only place that knows the library that reads them.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::cron {

class Zone {
 public:
  // By its IANA name, loaded once and kept as long as the process. Otherwise the reason, with the nearest
  // name.
  static std::expected<const Zone*, std::string> find(std::string_view name);
  static const Zone& utc();

  // What the zone's clocks show `local` as. A time that comes twice is the first of the two.
  struct Reading {
    enum class Kind : std::uint8_t { once, never, twice };
    Kind kind = Kind::once;
    std::chrono::sys_seconds instant;  // of never: the end of the gap
    std::chrono::sys_seconds change;   // of never and twice: when the clock is set
    std::chrono::seconds length{};     // of the gap or the overlap
  };
  [[nodiscard]] Reading read(std::chrono::local_seconds local) const;

  [[nodiscard]] std::chrono::seconds offset_at(std::chrono::sys_seconds time) const;
  [[nodiscard]] std::chrono::local_seconds local(std::chrono::sys_seconds time) const {
    return std::chrono::local_seconds((time + offset_at(time)).time_since_epoch());
  }
  // The next change of the clock after `time`.
  [[nodiscard]] std::optional<std::chrono::sys_seconds> next_change(std::chrono::sys_seconds time) const;

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] bool is_utc() const { return zone_ == nullptr; }

  Zone(std::string name, const void* zone) : name_(std::move(name)), zone_(zone) {}

 private:
  std::string name_;
  const void* zone_;  // nullptr: UTC, which needs no database
};

// The name of the host's zone: $TZ, /etc/localtime, /etc/timezone. UTC where none of them names one.
std::string host_zone();

}  // namespace holdfast::cron
