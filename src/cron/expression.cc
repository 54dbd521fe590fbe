#include "cron/expression.h"

#include "base/duration.h"
#include "cron/calendar.h"
#include "cron/forms.h"
#include "cron/search.h"

namespace holdfast::cron {

namespace {

using std::chrono::floor;
using std::chrono::seconds;
using std::chrono::sys_seconds;

std::optional<sys_seconds> next_of(const Fields& fields, const Zone& zone, sys_seconds after) {
  return next_instant(fields, zone, after);
}

std::optional<sys_seconds> next_of(const Every& every, const Zone&, sys_seconds after) {
  if (every.after_end) return std::nullopt;
  const auto since = (after - every.phase).time_since_epoch().count();
  const auto period = every.period.count();
  const auto whole = since >= 0 ? since / period : -((-since + period - 1) / period);
  return sys_seconds(seconds((whole + 1) * period) + every.phase);
}

std::optional<sys_seconds> next_of(const At& at, const Zone&, sys_seconds after) {
  return at.instant > after ? std::optional(at.instant) : std::nullopt;
}

std::optional<sys_seconds> next_of(Event, const Zone&, sys_seconds) { return std::nullopt; }

}  // namespace

std::optional<SystemTime> Expression::next(SystemTime after) const {
  const auto from = floor<seconds>(after);
  const auto next = std::visit([&](const auto& what) { return next_of(what, *zone_, from); }, what_);
  constexpr sys_seconds kEnd = std::chrono::sys_days(std::chrono::year(2262) / std::chrono::January / 1);
  if (!next || *next >= kEnd) return std::nullopt;
  return SystemTime(*next);
}

std::string Expression::without_instants() const {
  if (const auto* every = std::get_if<Every>(&what_); every != nullptr && every->after_end)
    return "every D after end counts from the end of a run";
  if (const auto* event = std::get_if<Event>(&what_))
    return *event == Event::boot ? "@reboot is once per boot" : "@start is once per start of the gateway";
  return {};
}

std::string Expression::format(SystemTime time) const { return format_in(*zone_, floor<seconds>(time)); }

const std::string& Expression::zone() const { return zone_->name(); }

std::string Expression::describe() const {
  if (const auto* every = std::get_if<Every>(&what_)) {
    const std::string period = "every " + format_duration(every->period);
    if (every->after_end) return period + " after the end of the last run";
    return every->phase.count() == 0 ? period : period + ", phase " + format_duration(every->phase);
  }
  if (const auto* at = std::get_if<At>(&what_)) return "once, at " + format_in(*zone_, at->instant);
  if (const auto* event = std::get_if<Event>(&what_))
    return *event == Event::boot ? "once per boot of the machine" : "at every start of the gateway";
  return cron::describe(std::get<Fields>(what_)) + " " + zone_->name();
}

}  // namespace holdfast::cron
