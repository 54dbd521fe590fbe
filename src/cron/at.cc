#include <array>
#include <cstdio>
#include <optional>

#include "cron/calendar.h"
#include "cron/forms.h"

namespace holdfast::cron {

namespace {

using namespace std::chrono;

constexpr std::string_view kExample = "for example at 2026-12-24T18:00:00+01:00, or at 2026-12-24 18:00";

// Takes numbers from the front of a piece.
class Numbers {
 public:
  explicit Numbers(Piece piece) : rest_(piece) {}
  // `width` digits, from lo to hi.
  std::optional<int> take(std::size_t width, int lo, int hi) {
    const std::string_view digits = rest_.text.substr(0, width);
    if (digits.size() < width || !all_digits(digits)) return std::nullopt;
    rest_ = rest_.sub(width);
    const auto number = number_of(digits, 9999);
    return number >= lo && number <= hi ? std::optional(static_cast<int>(number)) : std::nullopt;
  }
  bool take(char c) {
    const bool there = !rest_.text.empty() && upper(rest_.text.front()) == c;
    if (there) rest_ = rest_.sub(1);
    return there;
  }
  void skip_digits() {
    while (!rest_.text.empty() && is_digit(rest_.text.front())) rest_ = rest_.sub(1);
  }
  [[nodiscard]] Piece rest() const { return rest_; }

 private:
  Piece rest_;
};

Parsed<local_days> date(Piece piece) {
  Numbers numbers(piece);
  const auto y = numbers.take(4, 1970, static_cast<int>(year(2261)));
  const bool first = y && numbers.take('-');
  const auto m = first ? numbers.take(2, 1, 12) : std::nullopt;
  const bool second = m && numbers.take('-');
  const auto d = second ? numbers.take(2, 1, 31) : std::nullopt;
  if (!d || !numbers.rest().text.empty())
    return wrong(piece.at, quoted(piece.text) + " is not a date such as 2026-12-24, from 1970 to 2261",
                 std::string(kExample));
  const year_month_day day = year(*y) / *m / *d;
  if (!day.ok()) return wrong(piece.at, "there is no " + std::string(piece.text));
  return local_days(day);
}

struct Time {
  seconds of_day{};
  std::optional<seconds> offset;
};

Parsed<Time> time(Piece piece) {
  const auto bad = [&] {
    return wrong(piece.at, quoted(piece.text) + " is not a time such as 18:00, 18:00:00Z or 18:00:00+01:00",
                 std::string(kExample));
  };
  Numbers numbers(piece);
  const auto h = numbers.take(2, 0, 23);
  if (!h || !numbers.take(':')) return bad();
  const auto m = numbers.take(2, 0, 59);
  if (!m) return bad();
  std::optional<int> s = 0;
  if (numbers.take(':')) {
    s = numbers.take(2, 0, 59);
    if (!s) return bad();
    if (numbers.take('.')) numbers.skip_digits();  // finer than a schedule is
  }
  Time out{hours(*h) + minutes(*m) + seconds(*s), std::nullopt};
  if (numbers.take('Z')) {
    out.offset = seconds(0);
  } else if (!numbers.rest().text.empty()) {
    const bool west = numbers.take('-');
    if (!west && !numbers.take('+')) return bad();
    const auto hour = numbers.take(2, 0, 23);
    if (!hour || !numbers.take(':')) return bad();
    const auto minute = numbers.take(2, 0, 59);
    if (!minute) return bad();
    out.offset = (west ? -1 : 1) * (hours(*hour) + minutes(*minute));
  }
  if (!numbers.rest().text.empty()) return bad();
  return out;
}

// A time that the zone's clock skips or shows twice is not guessed: both instants are named.
Parsed<At> by_the_clock(Piece first, local_seconds local, const Zone& zone) {
  const auto reading = zone.read(local);
  if (reading.kind == Zone::Reading::Kind::once) return At{reading.instant};
  const bool never = reading.kind == Zone::Reading::Kind::never;
  const auto before = never ? reading.change - seconds(1) : reading.instant;
  const auto after = never ? reading.change : reading.instant + reading.length;
  return wrong(first.at,
               never ? "the clocks of " + zone.name() + " skip this time: " + format_in(zone, before) +
                           " is followed by " + format_in(zone, after)
                     : "the clocks of " + zone.name() + " show this time twice: " + format_in(zone, before) +
                           " and " + format_in(zone, after),
               "write the one that is meant, with its offset");
}

}  // namespace

Parsed<At> read_at(const std::vector<Piece>& words, const Zone& zone) {
  if (words.size() < 2)
    return wrong(words[0].end(), "a date and a time are missing after at", std::string(kExample));
  Piece day_text = words[1], time_text;
  const auto t = std::min(words[1].text.find_first_of("Tt"), words[1].text.size());
  if (t < words[1].text.size()) {
    day_text = words[1].sub(0, t);
    time_text = words[1].sub(t + 1);
    if (words.size() > 2) return wrong(words[2].at, "nothing may follow the time");
  } else {
    time_text = words.size() > 2 ? words[2] : Piece{{}, words[1].end()};
    if (words.size() > 3) return wrong(words[3].at, "nothing may follow the time");
  }
  const auto day = date(day_text);
  if (!day) return std::unexpected(day.error());
  if (time_text.text.empty())
    return wrong(time_text.at, "the time is missing after the date", std::string(kExample));
  const auto clock = time(time_text);
  if (!clock) return std::unexpected(clock.error());
  const local_seconds local = *day + clock->of_day;
  if (!clock->offset) return by_the_clock(day_text, local, zone);
  return At{sys_seconds(local.time_since_epoch()) - *clock->offset};
}

std::string format_in(const Zone& zone, sys_seconds time) {
  const seconds offset = zone.offset_at(time);
  const sys_seconds shown = time + offset;
  const auto day = floor<days>(shown);
  const year_month_day date(day);
  const hh_mm_ss clock(shown - day);
  std::array<char, 64> text;
  int size =
      std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02ld:%02ld:%02ld",
                    static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                    static_cast<unsigned>(date.day()), static_cast<long>(clock.hours().count()),
                    static_cast<long>(clock.minutes().count()), static_cast<long>(clock.seconds().count()));
  std::string out(text.data(), static_cast<std::size_t>(size));
  if (zone.is_utc()) return out + "Z";
  const long minutes = static_cast<long>(abs(offset).count()) / 60;
  size = std::snprintf(text.data(), text.size(), "%c%02ld:%02ld", offset < seconds(0) ? '-' : '+',
                       minutes / 60, minutes % 60);
  return out.append(text.data(), static_cast<std::size_t>(size));
}

}  // namespace holdfast::cron
