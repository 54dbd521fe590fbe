#include "cron/expression.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cctype>

#include "base/duration.h"

namespace holdfast::cron {

namespace {

using std::chrono::days;
using std::chrono::seconds;
using std::chrono::sys_days;
using std::chrono::sys_seconds;

// One row per field: a field more (seconds) is a row more.
struct FieldKind {
  std::string_view name;
  int lo = 0, hi = 0;  // hi: the largest value that may be written
  int size = 0;        // number of distinct values: 7 days, though 7 may be written for Sunday
  std::string_view names;
  int first_name = 0;
};
constexpr std::array<FieldKind, 5> kFields{{
    {"minute", 0, 59, 60, "", 0},
    {"hour", 0, 23, 24, "", 0},
    {"day-of-month", 1, 31, 31, "", 0},
    {"month", 1, 12, 12, "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC", 1},
    {"day-of-week", 0, 7, 7, "SUNMONTUEWEDTHUFRISAT", 0},
}};
constexpr int kDay = 2, kWeekday = 4;

struct Nickname {
  std::string_view name, same_as;
};
constexpr std::array<Nickname, 7> kNicknames{{{"@yearly", "0 0 1 1 *"},
                                              {"@annually", "0 0 1 1 *"},
                                              {"@monthly", "0 0 1 * *"},
                                              {"@weekly", "0 0 * * 0"},
                                              {"@daily", "0 0 * * *"},
                                              {"@midnight", "0 0 * * *"},
                                              {"@hourly", "0 * * * *"}}};

char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool same(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return upper(x) == upper(y); });
}

// A piece of the text that knows where it stands.
struct Piece {
  std::string_view text;
  std::size_t at = 0;  // byte offset in the whole
  [[nodiscard]] Piece sub(std::size_t from, std::size_t n = std::string_view::npos) const {
    return {text.substr(from, n), at + from};
  }
};

using Failure = std::unexpected<ParseError>;

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  std::expected<std::variant<Fields, Every>, ParseError> parse();
  std::vector<std::string> warnings;

 private:
  using Value = std::expected<int, ParseError>;
  struct FieldBits {
    std::uint64_t mask = 0;
    bool any = false;      // * or ?
    bool starred = false;  // holds */n
  };

  [[nodiscard]] Failure wrong(std::size_t at, std::string message, std::string hint = {}) const {
    const auto characters = std::ranges::count_if(
        text_.substr(0, at), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
    return Failure(ParseError{static_cast<int>(characters) + 1, std::move(message), std::move(hint)});
  }
  [[nodiscard]] Failure later(std::size_t at, std::string what) const {
    return wrong(at, "not supported yet in this version: " + std::move(what));
  }
  void split();
  std::expected<Fields, ParseError> cron(const std::vector<Piece>& pieces);
  std::expected<FieldBits, ParseError> field(int index, Piece piece);
  std::expected<void, ParseError> item(int index, Piece piece, FieldBits& bits);
  Value value(int index, Piece piece);
  std::expected<int, ParseError> step(const FieldKind& kind, Piece piece, int count);
  std::expected<void, ParseError> check_days(const Fields& fields, const std::array<FieldBits, 5>& bits,
                                             const std::vector<Piece>& pieces);
  std::optional<ParseError> reserved(int index, Piece piece) const;
  std::expected<Every, ParseError> every();

  std::string_view text_;
  std::vector<Piece> words_;
};

std::string quoted(std::string_view text) { return "\"" + std::string(text) + "\""; }

void Parser::split() {
  for (std::size_t i = 0; i < text_.size();) {
    if (is_blank(text_[i])) {
      ++i;
      continue;
    }
    std::size_t end = i;
    while (end < text_.size() && !is_blank(text_[end])) ++end;
    words_.push_back({text_.substr(i, end - i), i});
    i = end;
  }
}

std::expected<std::variant<Fields, Every>, ParseError> Parser::parse() {
  split();
  if (words_.empty()) return wrong(0, "the schedule is empty", "for example 0 7 * * MON-FRI, or every 10m");
  const Piece first = words_.front();
  if (same(first.text, "every") || same(first.text, "@every")) {
    auto parsed = every();
    if (!parsed) return Failure(std::move(parsed.error()));
    return *parsed;
  }
  if (same(first.text, "at") || same(first.text, "in"))
    return later(first.at, "one-shot schedules (" + std::string(first.text) + " …)");
  if (same(first.text.substr(0, 3), "TZ=") || same(first.text.substr(0, 8), "CRON_TZ="))
    return later(first.at, "a time zone inside the schedule; schedules are read in UTC");
  if (first.text.starts_with('@')) {
    if (same(first.text, "@reboot") || same(first.text, "@start"))
      return later(first.at, std::string(first.text));
    for (const Nickname& nickname : kNicknames) {
      if (!same(first.text, nickname.name)) continue;
      if (words_.size() > 1) return wrong(words_[1].at, "nothing may follow " + std::string(first.text));
      Parser inner(nickname.same_as);
      return inner.parse();
    }
    return wrong(
        first.at,
        "unknown nickname; known are @yearly @annually @monthly @weekly @daily @midnight @hourly @every");
  }
  auto fields = cron(words_);
  if (!fields) return Failure(std::move(fields.error()));
  return *fields;
}

std::expected<Fields, ParseError> Parser::cron(const std::vector<Piece>& pieces) {
  const auto n = pieces.size();
  if (n < 5)
    return wrong(pieces.back().at + pieces.back().text.size(), std::to_string(n) + " fields, expected 5",
                 "minute hour day-of-month month day-of-week");
  if (n >= 7)
    return wrong(pieces[6].at, std::to_string(n) + " fields, expected 5", "there is no field for a year");
  if (n == 6) return later(pieces[0].at, "six fields (seconds first)");
  std::array<FieldBits, 5> bits;
  Fields out;
  for (int i = 0; i < 5; ++i) {
    Piece piece = pieces[static_cast<std::size_t>(i)];
    if (i == kWeekday && piece.text.starts_with('+')) {
      out.both_days = true;
      piece = piece.sub(1);
      if (piece.text.empty() || piece.text == "*" || piece.text == "?")
        return wrong(piece.at, "+ needs a restricted day-of-week");
    }
    auto parsed = field(i, piece);
    if (!parsed) return Failure(std::move(parsed.error()));
    bits[static_cast<std::size_t>(i)] = *parsed;
  }
  out.minute = bits[0].mask;
  out.hour = static_cast<std::uint32_t>(bits[1].mask);
  out.day = static_cast<std::uint32_t>(bits[2].mask);
  out.month = static_cast<std::uint32_t>(bits[3].mask);
  out.weekday = static_cast<std::uint32_t>(bits[4].mask);
  out.day_any = bits[kDay].any;
  out.weekday_any = bits[kWeekday].any;
  if (auto checked = check_days(out, bits, pieces); !checked) return Failure(std::move(checked.error()));
  return out;
}

std::expected<Parser::FieldBits, ParseError> Parser::field(int index, Piece piece) {
  FieldBits bits;
  if (piece.text == "*" || (piece.text == "?" && (index == kDay || index == kWeekday))) bits.any = true;
  for (std::size_t from = 0; from <= piece.text.size();) {
    const auto comma = std::min(piece.text.find(',', from), piece.text.size());
    if (auto done = item(index, piece.sub(from, comma - from), bits); !done)
      return Failure(std::move(done.error()));
    from = comma + 1;
  }
  return bits;
}

// L, W, # and H belong to the dialect but not to this version.
std::optional<ParseError> Parser::reserved(int index, Piece piece) const {
  const std::string_view text = piece.text;
  if (same(text.substr(0, 1), "H") &&
      (text.size() == 1 || text[1] == '(' || text[1] == '/' || text[1] == '-'))
    return later(piece.at, "H (a time hashed from the job's name)").error();
  const bool digit_or_name = text.size() > 1 && (is_digit(text[0]) || text.size() >= 4);
  if (index == kDay && (same(text, "L") || same(text, "LW") || same(text.substr(0, 2), "L-") ||
                        (is_digit(text.empty() ? 'x' : text[0]) && same(text.substr(text.size() - 1), "W"))))
    return later(piece.at, "L and W in day-of-month").error();
  if (index == kWeekday && text.find('#') != std::string_view::npos)
    return later(piece.at, "# in day-of-week").error();
  if (index == kWeekday &&
      (same(text, "L") || (digit_or_name && text.size() <= 4 && same(text.substr(text.size() - 1), "L"))))
    return later(piece.at, "L in day-of-week").error();
  return std::nullopt;
}

std::expected<void, ParseError> Parser::item(int index, Piece piece, FieldBits& bits) {
  const FieldKind& kind = kFields[static_cast<std::size_t>(index)];
  const std::string name(kind.name);
  if (piece.text.empty()) return wrong(piece.at, name + ": empty list item");
  if (piece.text[0] == '?') {
    if (index != kDay && index != kWeekday)
      return wrong(piece.at, "? is allowed in day-of-month and day-of-week only");
    if (!bits.any) return wrong(piece.at, "? stands alone");
    bits.mask = ((std::uint64_t{1} << kind.size) - 1) << kind.lo;
    return {};
  }
  if (auto not_yet = reserved(index, piece)) return Failure(std::move(*not_yet));

  const auto slash = piece.text.find('/');
  const bool stepped = slash != std::string_view::npos;
  const Piece base = piece.sub(0, slash);
  int lo = kind.lo;
  int count = kind.size;
  if (base.text != "*") {
    const auto dash = base.text.find('-');
    auto from = value(index, base.sub(0, dash));
    if (!from) return Failure(std::move(from.error()));
    lo = *from;
    if (dash != std::string_view::npos) {
      auto to = value(index, base.sub(dash + 1));
      if (!to) return Failure(std::move(to.error()));
      if (index == kWeekday && lo == 7) lo = 0;  // 7 opens a range as Sunday and closes one as the 7th day
      count = *to >= lo ? *to - lo + 1 : *to - lo + kind.size + 1;
    } else {
      count = stepped ? std::max(kind.lo + kind.size - lo, 1) : 1;
    }
  }
  int by = 1;
  if (stepped) {
    auto parsed = step(kind, piece.sub(slash + 1), count);
    if (!parsed) return Failure(std::move(parsed.error()));
    by = *parsed;
    if (base.text == "*") {
      bits.starred = true;
      if (index < kDay && kind.size % by != 0)
        warnings.push_back(name + " */" + std::to_string(by) + " does not divide " +
                           std::to_string(kind.size) +
                           ": it starts over at 0; for equal distances write every " + std::to_string(by) +
                           (index == 0 ? "m" : "h"));
    }
  }
  for (int i = 0; i < count; i += by)
    bits.mask |= std::uint64_t{1} << (kind.lo + (lo - kind.lo + i) % kind.size);
  return {};
}

Parser::Value Parser::value(int index, Piece piece) {
  const FieldKind& kind = kFields[static_cast<std::size_t>(index)];
  const std::string name(kind.name);
  if (piece.text.empty()) return wrong(piece.at, name + ": a value is missing");
  if (std::ranges::all_of(piece.text, is_digit)) {
    int number = 0;
    for (const char c : piece.text) number = std::min(number * 10 + (c - '0'), 100'000);
    if (number >= kind.lo && number <= kind.hi) return number;
    std::string hint;
    if (index == 1 && number == 24) hint = "midnight is hour 0";
    if (index == 0 && number == 60) hint = "the full hour is minute 0";
    if (index == kWeekday && number == 8) hint = "Sunday is 0 or 7, Monday is 1";
    return wrong(piece.at,
                 name + " " + std::string(piece.text) + " is out of range " + std::to_string(kind.lo) + "-" +
                     std::to_string(kind.hi),
                 hint);
  }
  for (std::size_t i = 0; i + 3 <= kind.names.size(); i += 3) {
    if (same(piece.text, kind.names.substr(i, 3))) return kind.first_name + static_cast<int>(i / 3);
    if (piece.text.size() > 3 && same(piece.text.substr(0, 3), kind.names.substr(i, 3)))
      return wrong(piece.at, name + ": " + quoted(piece.text) + " is not a value",
                   "names have three letters: " + std::string(kind.names.substr(i, 3)));
  }
  return wrong(piece.at, name + ": " + quoted(piece.text) + " is not a value");
}

std::expected<int, ParseError> Parser::step(const FieldKind& kind, Piece piece, int count) {
  const std::string name(kind.name);
  if (piece.text.empty() || !std::ranges::all_of(piece.text, is_digit))
    return wrong(piece.at, name + ": step is not a number");
  int number = 0;
  for (const char c : piece.text) number = std::min(number * 10 + (c - '0'), 100'000);
  const int most = std::max(count - 1, 1);
  if (number < 1 || number > most)
    return wrong(piece.at,
                 name + ": step " + std::string(piece.text) + " is out of range 1-" + std::to_string(most));
  return number;
}

// Bit d is set if day d of the month is due. L, W and # will add their bits here.
std::uint32_t days_of_month(const Fields& f, std::chrono::year_month month) {
  using namespace std::chrono;
  const unsigned length = static_cast<unsigned>((month / last).day());
  const std::uint32_t all = static_cast<std::uint32_t>(((std::uint64_t{1} << length) - 1) << 1);
  if (f.weekday_any) return f.day & all;
  const unsigned first = weekday(sys_days(month / day(1))).c_encoding();
  // The week as it looks from the 1st, repeated over five weeks by one multiplication.
  const std::uint32_t week = (f.weekday >> first | f.weekday << (7 - first)) & 0x7F;
  const auto weekdays = static_cast<std::uint32_t>((std::uint64_t{week} * 0x10204081ULL) << 1) & all;
  if (f.day_any) return weekdays;
  return (f.both_days ? f.day & weekdays : f.day | weekdays) & all;
}

// The first due day from `from` on, looking no further than `until`.
std::optional<sys_days> next_day(const Fields& f, sys_days from, std::chrono::year until) {
  using namespace std::chrono;
  const year_month_day start(from);
  year_month month = start.year() / start.month();
  std::uint32_t not_before = ~std::uint32_t{0} << static_cast<unsigned>(start.day());
  while (month.year() <= until) {
    if (f.month >> static_cast<unsigned>(month.month()) & 1)
      if (const auto due = days_of_month(f, month) & not_before)
        return sys_days(month / day(static_cast<unsigned>(std::countr_zero(due))));
    not_before = ~std::uint32_t{0};
    month += months(1);
  }
  return std::nullopt;
}

std::expected<void, ParseError> Parser::check_days(const Fields& fields, const std::array<FieldBits, 5>& bits,
                                                   const std::vector<Piece>& pieces) {
  using namespace std::chrono;
  if (!fields.day_any && !fields.weekday_any && !fields.both_days) {
    for (const int i : {kDay, kWeekday}) {
      const auto at = static_cast<std::size_t>(i);
      if (!bits[at].starred && std::popcount(bits[at].mask) != kFields[at].size) continue;
      return wrong(pieces[at].at,
                   std::string(kFields[at].name) + " " + quoted(pieces[at].text) +
                       " together with a restricted other day field is ambiguous: some programs "
                       "read it as AND, some as OR",
                   "for AND put + before the day-of-week, for OR write the days out");
    }
  }
  // 28 years hold every combination of weekday and date.
  if (!next_day(fields, sys_days(year(2000) / January / 1), year(2027)))
    return wrong(pieces[kDay].at, "this date does not exist in any year: the job could never run");
  return {};
}

std::expected<Every, ParseError> Parser::every() {
  if (words_.size() < 2) {
    const Piece& word = words_.back();
    return wrong(word.at + word.text.size(),
                 "a duration such as 10m is missing after " + std::string(word.text));
  }
  const Piece written = words_[1];
  for (const std::string_view word : {"day", "weekday", "month", "sunday", "monday", "tuesday", "wednesday",
                                      "thursday", "friday", "saturday"})
    if (same(written.text.substr(0, written.text.find(',')), word))
      return later(written.at, "every " + std::string(word) + " …; write it as cron");
  long long total = 0;
  for (std::size_t i = 0; i < written.text.size();) {
    const std::size_t digits = i;
    long long number = 0;
    while (i < written.text.size() && is_digit(written.text[i]))
      number = std::min(number * 10 + (written.text[i++] - '0'), 100'000'000LL);
    if (i == digits)
      return wrong(written.at, quoted(written.text) + " is not a duration; write it as 10m, 90s or 1h30m");
    const std::size_t unit_at = i;
    while (i < written.text.size() && !is_digit(written.text[i])) ++i;
    const std::string_view unit = written.text.substr(unit_at, i - unit_at);
    if (unit.empty())
      return wrong(written.at + unit_at, "a unit is missing after the number: s, m, h, d or w");
    if (same(unit, "ms")) return wrong(written.at + unit_at, "the period must be 1s to 366d");
    const long long size = same(unit, "s")   ? 1
                           : same(unit, "m") ? 60
                           : same(unit, "h") ? 3600
                           : same(unit, "d") ? 86'400
                           : same(unit, "w") ? 604'800
                                             : 0;
    if (size == 0) return wrong(written.at + unit_at, "unknown unit " + quoted(unit) + ": s, m, h, d or w");
    total = std::min(total + number * size, 1'000'000'000LL);
  }
  if (total < 1 || total > 366LL * 86'400) return wrong(written.at, "the period must be 1s to 366d");
  if (words_.size() > 2) {
    if (same(words_[2].text, "phase") || same(words_[2].text, "after"))
      return later(words_[2].at, "every D " + std::string(words_[2].text));
    return wrong(words_[2].at, "nothing may follow the duration");
  }
  if (total % 86'400 == 0 && total == 86'400)
    warnings.emplace_back(
        "every 1d is 24 elapsed hours, at midnight UTC; @daily says the same by the calendar");
  return Every{seconds(total)};
}

std::optional<SystemTime> next_of(const Fields& f, SystemTime after) {
  using namespace std::chrono;
  const sys_seconds from = floor<seconds>(after) + seconds(1);
  sys_days day = floor<days>(from);
  auto rest = static_cast<unsigned>((from - day).count());
  const year last_year(2261);
  for (;;) {
    const auto due = next_day(f, day, last_year);
    if (!due) return std::nullopt;
    if (*due != day) rest = 0;
    day = *due;
    unsigned hour = rest / 3600;
    unsigned minute = rest / 60 % 60;
    unsigned second = rest % 60;
    // Each field in turn: its first value from here on; a later value resets the finer ones.
    const auto first_from = [](std::uint64_t mask, unsigned v) {
      return v > 63 ? 64U : static_cast<unsigned>(std::countr_zero(mask & ~std::uint64_t{0} << v));
    };
    if (const unsigned s = first_from(f.second, second); s < 64) {
      second = s;
    } else {
      second = 64;
      ++minute;
    }
    if (const unsigned m = first_from(f.minute, minute); m < 64) {
      if (m != rest / 60 % 60) second = 64;
      minute = m;
    } else {
      minute = 64;
      ++hour;
    }
    if (const unsigned h = first_from(f.hour, hour); h < 64) {
      if (h != rest / 3600) minute = 64;
      hour = h;
    } else {
      day += days(1);
      rest = 0;
      continue;
    }
    if (minute == 64) {
      minute = static_cast<unsigned>(std::countr_zero(f.minute));
      second = 64;
    }
    if (second == 64) second = static_cast<unsigned>(std::countr_zero(f.second));
    return SystemTime(day + hours(hour) + minutes(minute) + seconds(second));
  }
}

std::optional<SystemTime> next_of(const Every& every, SystemTime after) {
  const auto since = std::chrono::floor<seconds>(after.time_since_epoch()).count();
  const auto period = every.period.count();
  const auto whole = since >= 0 ? since / period : -((-since + period - 1) / period);
  return SystemTime(seconds((whole + 1) * period));
}

}  // namespace

std::expected<Expression, ParseError> Expression::parse(std::string_view text) {
  Parser parser(text);
  auto parsed = parser.parse();
  if (!parsed) return Failure(std::move(parsed.error()));
  Expression out;
  out.what_ = *parsed;
  out.warnings_ = std::move(parser.warnings);
  return out;
}

std::optional<SystemTime> Expression::next(SystemTime after) const {
  return std::visit([&](const auto& what) { return next_of(what, after); }, what_);
}

std::string Expression::describe() const {
  if (const auto* every = std::get_if<Every>(&what_)) return "every " + format_duration(every->period);
  return cron::describe(std::get<Fields>(what_));
}

std::optional<std::string> unsupported_zone(std::string_view zone) {
  if (zone.empty() || zone == "UTC" || zone == "Etc/UTC") return std::nullopt;
  return "not supported yet in this version: timezone " + std::string(zone) + "; schedules are read in UTC";
}

}  // namespace holdfast::cron
