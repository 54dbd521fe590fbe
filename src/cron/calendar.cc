#include "cron/calendar.h"

#include <absl/time/civil_time.h>
#include <absl/time/time.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "base/nearest.h"
#include "cron/text.h"

namespace holdfast::cron {

namespace {

using std::chrono::local_seconds;
using std::chrono::seconds;
using std::chrono::sys_seconds;

const absl::TimeZone& zone_at(const void* pointer) { return *static_cast<const absl::TimeZone*>(pointer); }

absl::Time to_absl(sys_seconds time) { return absl::FromUnixSeconds(time.time_since_epoch().count()); }
sys_seconds from_absl(absl::Time time) { return sys_seconds(seconds(absl::ToUnixSeconds(time))); }

std::filesystem::path database() {
  const char* folder = std::getenv("TZDIR");
  return folder != nullptr && *folder != '\0' ? folder : "/usr/share/zoneinfo";
}

// The names of the database's own list: its lines "Z name ..." and "L target name".
std::vector<std::string> known_names() {
  std::vector<std::string> names;
  std::ifstream list(database() / "tzdata.zi");
  for (std::string line; std::getline(list, line);) {
    if (!line.starts_with("Z ") && !line.starts_with("L ")) continue;
    const auto words = words_of(line);
    if (words.size() >= 3 && words[0].text == "Z") names.emplace_back(words[1].text);
    if (words.size() == 3 && words[0].text == "L") names.emplace_back(words[2].text);
  }
  return names;
}

// The library would take a path, a libc spelling or the host's own zone for a name as well.
bool is_name(std::string_view name) {
  constexpr std::string_view kMore = "_+-/";
  return !name.empty() && name.size() <= 64 && name.front() >= 'A' && name.front() <= 'Z' &&
         std::ranges::all_of(name, [&](char c) {
           return is_digit(c) || (upper(c) >= 'A' && upper(c) <= 'Z') || kMore.contains(c);
         });
}

std::string unknown(std::string_view name) {
  static const auto& names = *new std::vector<std::string>(known_names());
  std::string reason = "unknown time zone " + quoted(name.substr(0, 80));
  if (names.empty()) return reason + "; there is no time zone database in " + database().string();
  for (const std::string& known : names)
    if (known.size() > name.size() && known[known.size() - name.size() - 1] == '/' &&
        same(std::string_view(known).substr(known.size() - name.size()), name))
      return reason + "; did you mean " + known + "?";
  const auto near = nearest(name, std::vector<std::string_view>(names.begin(), names.end()));
  return near.empty() ? reason + "; expected a name such as Europe/Berlin"
                      : reason + "; did you mean " + std::string(near) + "?";
}

}  // namespace

std::string host_zone() {
  std::vector<std::string> names;
  if (const char* variable = std::getenv("TZ"))
    names.emplace_back(*variable == ':' ? variable + 1 : variable);
  std::error_code none;
  const std::string target = std::filesystem::read_symlink("/etc/localtime", none).string();
  constexpr std::string_view kFolder = "zoneinfo/";
  if (const auto at = target.find(kFolder); at != std::string::npos)
    names.push_back(target.substr(at + kFolder.size()));
  std::ifstream file("/etc/timezone");
  if (std::string line; std::getline(file, line)) names.push_back(line);
  for (const std::string& name : names)
    if (Zone::find(name)) return name;
  return "UTC";
}

const Zone& Zone::utc() {
  static const Zone zone("UTC", nullptr);
  return zone;
}

std::expected<const Zone*, std::string> Zone::find(std::string_view name) {
  struct Loaded {
    absl::TimeZone zone;
    std::unique_ptr<const Zone> handle;
  };
  static std::mutex mutex;
  static auto& loaded = *new std::map<std::string, Loaded, std::less<>>;  // expressions may outlive main
  if (name == "UTC") return &utc();
  const std::lock_guard lock(mutex);
  if (const auto known = loaded.find(name); known != loaded.end()) return known->second.handle.get();
  absl::TimeZone zone;
  const bool is_utc = name == "Etc/UTC";
  if (!is_utc && (!is_name(name) || !absl::LoadTimeZone(std::string(name), &zone)))
    return std::unexpected(unknown(name));
  Loaded& entry = loaded[std::string(name)];
  entry.zone = zone;
  entry.handle = std::make_unique<const Zone>(std::string(name), is_utc ? nullptr : &entry.zone);
  return entry.handle.get();
}

seconds Zone::offset_at(sys_seconds time) const {
  return is_utc() ? seconds(0) : seconds(zone_at(zone_).At(to_absl(time)).offset);
}

Zone::Reading Zone::read(local_seconds local) const {
  using namespace std::chrono;
  if (is_utc()) return {Reading::Kind::once, sys_seconds(local.time_since_epoch()), {}, {}};
  const auto day = floor<days>(local);
  const year_month_day date(day);
  const hh_mm_ss time(local - day);
  const auto info = zone_at(zone_).At(absl::CivilSecond(
      static_cast<int>(date.year()), static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
      time.hours().count(), time.minutes().count(), time.seconds().count()));
  const sys_seconds pre = from_absl(info.pre), change = from_absl(info.trans), post = from_absl(info.post);
  using Info = absl::TimeZone::TimeInfo;
  switch (info.kind) {
    case Info::SKIPPED:
      return {Reading::Kind::never, change, change, pre - post};
    case Info::REPEATED:
      return {Reading::Kind::twice, pre, change, post - pre};
    case Info::UNIQUE:
      break;
  }
  return {Reading::Kind::once, pre, {}, {}};
}

std::optional<sys_seconds> Zone::next_change(sys_seconds time) const {
  absl::TimeZone::CivilTransition change;
  if (is_utc() || !zone_at(zone_).NextTransition(to_absl(time), &change)) return std::nullopt;
  return from_absl(zone_at(zone_).At(change.to).trans);
}

}  // namespace holdfast::cron
