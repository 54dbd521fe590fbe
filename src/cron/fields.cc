#include "cron/fields.h"

#include <optional>

#include "base/fnv.h"

namespace holdfast::cron {

namespace {

constexpr long long kHuge = 100'000;  // larger than anything that a field allows

class FieldReader {
 public:
  FieldReader(FieldIndex index, std::string_view seed, std::vector<std::string>& warnings)
      : index_(index), kind_(kFields[index]), seed_(seed), warnings_(warnings) {}

  Parsed<FieldBits> read(Piece piece);

 private:
  // Consecutive values: `count` of them from `first` on, around the end of the field if need be.
  struct Range {
    int first = 0, count = 1;
  };

  [[nodiscard]] std::string name() const { return std::string(kind_.name); }
  [[nodiscard]] bool is_day() const { return index_ == kDay || index_ == kWeekday; }
  [[nodiscard]] auto not_a_value(Piece piece, std::string hint = {}) const {
    return wrong(piece.at, name() + ": " + quoted(piece.text) + " is not a value", std::move(hint));
  }
  [[nodiscard]] std::string hint_for(long long number) const;

  Parsed<void> item(Piece piece);
  // What only the day fields have; false: it is none of these.
  Parsed<bool> special_date(Piece piece);
  Parsed<bool> special_weekday(Piece piece);
  Parsed<bool> hashed(Piece base, std::optional<Piece> step);
  Parsed<Range> range(Piece base, bool stepped) const;
  Parsed<int> value(Piece piece) const;
  Parsed<int> step(Piece piece, int count) const;
  void warn_of_uneven(int step);
  void set(Range range, int step);

  FieldIndex index_;
  const FieldKind& kind_;
  std::string_view seed_;
  std::vector<std::string>& warnings_;
  FieldBits bits_;
};

Parsed<FieldBits> FieldReader::read(Piece piece) {
  bits_.any = piece.text == "*" || (piece.text == "?" && is_day());
  for (std::size_t from = 0; from <= piece.text.size();) {
    const auto comma = std::min(piece.text.find(',', from), piece.text.size());
    if (auto done = item(piece.sub(from, comma - from)); !done)
      return std::unexpected(std::move(done.error()));
    from = comma + 1;
  }
  return bits_;
}

void FieldReader::set(Range range, int step) {
  for (int i = 0; i < range.count; i += step)
    bits_.mask |= std::uint64_t{1} << (kind_.lo + (range.first - kind_.lo + i) % kind_.size);
}

Parsed<void> FieldReader::item(Piece piece) {
  if (piece.text.empty()) return wrong(piece.at, name() + ": empty list item");
  if (piece.text[0] == '?') {
    if (!is_day()) return wrong(piece.at, "? is allowed in day-of-month and day-of-week only");
    if (!bits_.any) return wrong(piece.at, "? stands alone", "* is the same and may have a step");
    set({kind_.lo, kind_.size}, 1);
    return {};
  }
  const auto slash = piece.text.find('/');
  const Piece base = piece.sub(0, slash);
  const auto by = slash == std::string_view::npos ? std::nullopt : std::optional(piece.sub(slash + 1));
  for (const auto special : {&FieldReader::special_date, &FieldReader::special_weekday}) {
    const auto done = (this->*special)(base);
    if (!done) return std::unexpected(done.error());
    if (*done && by) return wrong(by->at, name() + ": " + quoted(base.text) + " takes no step");
    if (*done) return {};
  }
  const auto chosen = hashed(base, by);
  if (!chosen) return std::unexpected(chosen.error());
  if (*chosen) return {};

  const auto values = range(base, by.has_value());
  if (!values) return std::unexpected(values.error());
  if (base.text == "*") bits_.starred = true;
  if (!by) {
    set(*values, 1);
    return {};
  }
  const auto every = step(*by, values->count);
  if (!every) return std::unexpected(every.error());
  bits_.stepped = true;
  if (base.text == "*") warn_of_uneven(*every);
  set(*values, *every);
  return {};
}

void FieldReader::warn_of_uneven(int step) {
  if (kind_.unit.empty() || kind_.size % step == 0) return;
  const std::string by = std::to_string(step);
  std::string message = name() + " */" + by + " starts over at 0: it is due at";
  for (int v = 0; v < kind_.size && v / step < 4; v += step)
    message += (v == 0 ? " " : ", ") + std::to_string(v);
  if (kind_.size > 4 * step) message += " and so on";
  warnings_.push_back(message + "; for equal distances write every " + by + std::string(kind_.unit));
}

// L, L-3, LW, 15W.
Parsed<bool> FieldReader::special_date(Piece piece) {
  if (index_ != kDay) return false;
  const std::string_view text = piece.text;
  if (same(text, "L")) {
    bits_.before_last |= 1;
    return true;
  }
  if (same(text, "LW")) {
    bits_.workday |= 1;
    return true;
  }
  if (starts(text, "L-")) {
    const Piece offset = piece.sub(2);
    const auto days = all_digits(offset.text) ? number_of(offset.text, kHuge) : 0;
    if (days < 1 || days > 30) return wrong(offset.at, "the offset after L- must be 1-30");
    bits_.before_last |= 1U << days;
    return true;
  }
  if (text.size() < 2 || upper(text.back()) != 'W' || !is_digit(text.front())) return false;
  const auto day = value(piece.sub(0, text.size() - 1));
  if (!day) return std::unexpected(day.error());
  bits_.workday |= 1U << *day;
  return true;
}

// 5L, FRIL, FRI#L, MON#2.
Parsed<bool> FieldReader::special_weekday(Piece piece) {
  if (index_ != kWeekday) return false;
  const std::string_view text = piece.text;
  if (same(text, "L"))
    return wrong(piece.at, "day-of-week: L needs a day before it (FRIL or 5L)",
                 "the last day of the month is L in day-of-month");
  const auto hash = text.find('#');
  const bool last = hash == std::string_view::npos && text.size() > 1 && upper(text.back()) == 'L' &&
                    text.find('-') == std::string_view::npos;
  if (!last && hash == std::string_view::npos) return false;
  const auto day = value(piece.sub(0, last ? text.size() - 1 : hash));
  if (!day) return std::unexpected(day.error());
  int n = 0;
  if (const Piece number = piece.sub(last ? text.size() : hash + 1); !last && !same(number.text, "L")) {
    n = static_cast<int>(all_digits(number.text) ? number_of(number.text, kHuge) : 0);
    if (n < 1 || n > 5) return wrong(number.at, "the number after # must be 1-5 or L");
  }
  bits_.nth |= std::uint64_t{1} << (7 * n + *day % 7);
  return true;
}

// H, H(a-b), H/k, H(a-b)/k: a value or a phase that the job's name chooses.
Parsed<bool> FieldReader::hashed(Piece base, std::optional<Piece> by) {
  const bool bare = same(base.text, "H");
  if (!bare && !starts(base.text, "H(")) return false;
  Range from{kind_.lo, kind_.hashed};
  if (!bare) {
    const Piece parenthesis = base.sub(1);
    const Piece inner =
        parenthesis.sub(1, parenthesis.text.size() - (parenthesis.text.ends_with(')') ? 2 : 1));
    const auto dash = inner.text.find('-');
    if (!parenthesis.text.ends_with(')') || dash == std::string_view::npos)
      return wrong(parenthesis.at, name() + ": H takes a range, such as H(0-5)");
    const auto first = value(inner.sub(0, dash));
    if (!first) return std::unexpected(first.error());
    const auto last = value(inner.sub(dash + 1));
    if (!last) return std::unexpected(last.error());
    if (*last < *first) return wrong(inner.at, "the range of H runs backwards");
    from = {*first, std::min(*last - *first + 1, kind_.size)};
  }
  const std::uint64_t raw = fnv1a(kind_.name, fnv1a(":", fnv1a(seed_)));
  const auto choose = [&](int n) {
    return static_cast<int>((raw ^ raw >> 32) % static_cast<std::uint64_t>(n));
  };
  if (!by) {
    set({from.first + choose(from.count), 1}, 1);
    return true;
  }
  const auto every = step(*by, from.count);
  if (!every) return std::unexpected(every.error());
  const int phase = choose(std::min(*every, from.count));
  bits_.stepped = true;
  set({from.first + phase, from.count - phase}, *every);
  return true;
}

Parsed<FieldReader::Range> FieldReader::range(Piece base, bool stepped) const {
  if (base.text == "*") return Range{kind_.lo, kind_.size};
  const auto dash = base.text.find('-');
  const auto from = value(base.sub(0, dash));
  if (!from) return std::unexpected(from.error());
  if (dash == std::string_view::npos)
    return Range{*from, stepped ? std::max(kind_.lo + kind_.size - *from, 1) : 1};
  const auto to = value(base.sub(dash + 1));
  if (!to) return std::unexpected(to.error());
  const int first =
      index_ == kWeekday ? *from % 7 : *from;  // 7 opens a range as Sunday, closes one as the 7th
  return Range{first, *to >= first ? *to - first + 1 : *to - first + kind_.size + 1};
}

std::string FieldReader::hint_for(long long number) const {
  if (index_ == kHour && number == 24) return "midnight is hour 0";
  if ((index_ == kMinute || index_ == kSecond) && number == 60)
    return "the full " + std::string(index_ == kMinute ? "hour is minute 0" : "minute is second 0");
  if (index_ == kWeekday && number == 8) return "Sunday is 0 or 7, Monday is 1";
  return {};
}

Parsed<int> FieldReader::value(Piece piece) const {
  if (piece.text.empty()) return wrong(piece.at, name() + ": a value is missing");
  if (all_digits(piece.text)) {
    const auto number = number_of(piece.text, kHuge);
    if (number >= kind_.lo && number <= kind_.hi) return static_cast<int>(number);
    return wrong(piece.at,
                 name() + " " + std::string(piece.text.substr(0, 40)) + " is out of range " +
                     std::to_string(kind_.lo) + "-" + std::to_string(kind_.hi),
                 hint_for(number));
  }
  const std::string_view abbreviation = piece.text.substr(0, 3);
  for (std::size_t i = 0; i < kind_.names.size() / 3; ++i) {
    const std::string_view known = kind_.names.substr(3 * i, 3);
    if (same(piece.text, known)) return kind_.lo + static_cast<int>(i);
    if (same(abbreviation, known) &&
        std::ranges::all_of(piece.text, [](char c) { return upper(c) >= 'A' && upper(c) <= 'Z'; }))
      return not_a_value(piece, "names have three letters: " + std::string(known));
  }
  return not_a_value(piece);
}

Parsed<int> FieldReader::step(Piece piece, int count) const {
  if (!all_digits(piece.text)) return wrong(piece.at, name() + ": step is not a number");
  const auto number = number_of(piece.text, kHuge);
  const int most = std::max(count - 1, 1);
  if (number >= 1 && number <= most) return static_cast<int>(number);
  return wrong(piece.at, name() + ": step " + std::string(piece.text.substr(0, 40)) + " is out of range 1-" +
                             std::to_string(most));
}

}  // namespace

Parsed<FieldBits> read_field(FieldIndex index, Piece piece, std::string_view seed,
                             std::vector<std::string>& warnings) {
  return FieldReader(index, seed, warnings).read(piece);
}

}  // namespace holdfast::cron
