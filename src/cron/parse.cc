// A schedule's text, taken apart: what kind it is, and for cron its fields.
#include <array>
#include <bit>

#include "base/nearest.h"
#include "cron/calendar.h"
#include "cron/fields.h"
#include "cron/forms.h"
#include "cron/search.h"

namespace holdfast::cron {

namespace {

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
constexpr std::string_view kOrder = "minute hour day-of-month month day-of-week";

std::string hint_for_nickname(std::string_view word) {
  std::vector<std::string_view> known{"@reboot", "@start", "@every"};
  for (const Nickname& nickname : kNicknames) known.push_back(nickname.name);
  const auto near = nearest(word, known);
  return near.empty() ? std::string() : "did you mean " + std::string(near) + "?";
}

using Bits = std::array<FieldBits, kFields.size()>;

bool is_full(const FieldBits& bits, FieldIndex index) {
  return std::popcount(bits.mask) == kFields[index].size;
}

// An interval follows elapsed time; anything else is a time of day.
bool is_interval(const Bits& bits, bool has_seconds) {
  for (const FieldIndex i : {kSecond, kMinute, kHour})
    if ((i != kSecond || has_seconds) && (bits[i].starred || bits[i].stepped || is_full(bits[i], i)))
      return true;
  return false;
}

Fields fields_of(const Bits& bits, bool has_seconds, bool both_days) {
  Fields out;
  if (has_seconds) out.second = bits[kSecond].mask;
  out.minute = bits[kMinute].mask;
  out.hour = static_cast<std::uint32_t>(bits[kHour].mask);
  out.day = static_cast<std::uint32_t>(bits[kDay].mask);
  out.month = static_cast<std::uint32_t>(bits[kMonth].mask);
  out.weekday = static_cast<std::uint32_t>(bits[kWeekday].mask);
  out.before_last = bits[kDay].before_last;
  out.workday = bits[kDay].workday;
  out.nth = bits[kWeekday].nth;
  out.day_any = bits[kDay].any;
  out.weekday_any = bits[kWeekday].any;
  out.both_days = both_days;
  out.interval = is_interval(bits, has_seconds);
  return out;
}

// `days`: the two day fields as written.
Parsed<void> check_days(const Fields& fields, const Bits& bits, const std::array<Piece, 2>& days) {
  using namespace std::chrono;
  if (!fields.day_any && !fields.weekday_any && !fields.both_days) {
    for (const FieldIndex i : {kDay, kWeekday}) {
      if (!bits[i].starred && !is_full(bits[i], i)) continue;
      const Piece& written = days[i == kDay ? 0 : 1];
      return wrong(written.at,
                   std::string(kFields[i].name) + " " + quoted(written.text) +
                       " together with a restricted other day field is ambiguous: some programs read it as "
                       "AND, some as OR",
                   "for AND put + before the day-of-week, for OR write the days out");
    }
  }
  // 28 years hold every combination of weekday and date.
  if (!next_day(fields, local_days(year(2000) / January / 1), year(2027)))
    return wrong(days[0].at, "this date does not exist in any year: the job could never run");
  return {};
}

Parsed<Fields> read_fields(const std::vector<Piece>& words, std::string_view seed,
                           std::vector<std::string>& warnings) {
  const auto n = words.size();
  if (n < 5)
    return wrong(words.back().end(),
                 std::to_string(n) + (n == 1 ? " field" : " fields") + ", expected 5 or 6",
                 std::string(kOrder));
  if (n > 6)
    return wrong(words[6].at, std::to_string(n) + " fields, expected 5 or 6",
                 "there is no field for a year; at 2027-01-01T00:00 runs once");
  const bool has_seconds = n == 6;
  Bits bits;
  bool both_days = false;
  for (std::size_t i = 0; i < n; ++i) {
    const auto index = static_cast<FieldIndex>(has_seconds ? i : i + 1);
    Piece piece = words[i];
    if (index == kWeekday && piece.text.starts_with('+')) {
      both_days = true;
      piece = piece.sub(1);
      if (piece.text.empty() || piece.text == "*" || piece.text == "?")
        return wrong(piece.at, "+ needs a restricted day-of-week");
    }
    auto read = read_field(index, piece, seed, warnings);
    if (!read) {
      if (has_seconds && read.error().hint.empty())
        read.error().hint = "with six fields the seconds come first: second " + std::string(kOrder);
      return std::unexpected(std::move(read.error()));
    }
    bits[index] = *read;
  }
  const Fields fields = fields_of(bits, has_seconds, both_days);
  if (auto fit = check_days(fields, bits, {words[n - 3], words[n - 1]}); !fit)
    return std::unexpected(std::move(fit.error()));
  return fields;
}

}  // namespace

class Parser {
 public:
  Parser(std::string_view text, const Context& context) : text_(text), context_(context) {}

  std::expected<Expression, ParseError> parse() {
    if (auto fault = read_zone()) return std::unexpected(std::move(*fault));
    auto read = what();
    if (!read) return std::unexpected(error(std::move(read.error())));
    out_.what_ = std::move(*read);
    return std::move(out_);
  }

 private:
  using What = std::variant<Fields, Every, At, Event>;

  [[nodiscard]] ParseError error(Fault fault) const {
    const auto characters = std::ranges::count_if(
        text_.substr(0, fault.at), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
    return {static_cast<int>(characters) + 1, std::move(fault.message), std::move(fault.hint)};
  }

  std::optional<ParseError> read_zone();
  Parsed<What> what();
  Parsed<What> nickname();
  Parsed<What> every();

  std::string_view text_;
  const Context& context_;
  std::vector<Piece> words_ = words_of(text_);
  Expression out_;
};

// The job's own zone, or the one that the expression begins with, or the default.
std::optional<ParseError> Parser::read_zone() {
  std::string_view name = context_.timezone.empty() ? context_.default_zone : context_.timezone;
  std::optional<Piece> inside;
  for (const std::string_view prefix : {"TZ=", "CRON_TZ="})
    if (!words_.empty() && starts(words_[0].text, prefix)) inside = words_[0].sub(prefix.size());
  if (inside) {
    if (!context_.timezone.empty())
      return error(
          Fault{words_[0].at, "a time zone inside the schedule, and `timezone` beside it", "keep one"});
    name = inside->text;
    words_.erase(words_.begin());
  }
  const auto zone = Zone::find(name);
  if (!zone && inside) return error(Fault{inside->at, zone.error(), {}});
  if (!zone) return ParseError{0, zone.error(), {}};
  out_.zone_ = *zone;
  return std::nullopt;
}

Parsed<Parser::What> Parser::what() {
  if (words_.empty()) {
    const bool zone_only = text_.find('=') != std::string_view::npos;
    return wrong(zone_only ? text_.size() : 0, "the schedule is empty",
                 "for example 0 7 * * MON-FRI, or every 10m");
  }
  const Piece first = words_.front();
  if (same(first.text, "every") || same(first.text, "@every")) return every();
  if (first.text.starts_with('@')) return nickname();
  if (same(first.text, "at")) return read_at(words_, *out_.zone_);
  if (same(first.text, "in"))
    return wrong(first.at, "`in` would count from whenever the configuration is read",
                 "write the date and the time: at 2026-12-24 18:00");
  return read_fields(words_, context_.seed, out_.warnings_);
}

Parsed<Parser::What> Parser::nickname() {
  const Piece word = words_.front();
  const auto alone = [&](What what) -> Parsed<What> {
    if (words_.size() > 1) return wrong(words_[1].at, "nothing may follow " + std::string(word.text));
    return what;
  };
  if (same(word.text, "@reboot")) return alone(Event::boot);
  if (same(word.text, "@start")) return alone(Event::start);
  for (const Nickname& nickname : kNicknames)
    if (same(word.text, nickname.name))
      return alone(*read_fields(words_of(nickname.same_as), {}, out_.warnings_));
  return wrong(
      word.at,
      "unknown nickname; known are @yearly @annually @monthly @weekly @daily @midnight @hourly @reboot "
      "@start @every",
      hint_for_nickname(word.text));
}

Parsed<Parser::What> Parser::every() {
  auto read = read_every(words_, out_.warnings_);
  if (!read) return std::unexpected(std::move(read.error()));
  if (const auto* period = std::get_if<Every>(&*read)) return *period;
  return *read_fields(words_of(std::get<std::string>(*read)), {}, out_.warnings_);
}

std::expected<Expression, ParseError> Expression::parse(std::string_view text, const Context& context) {
  return Parser(text, context).parse();
}

}  // namespace holdfast::cron
