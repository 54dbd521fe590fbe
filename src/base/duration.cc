#include "base/duration.h"

#include <array>
#include <charconv>
#include <utility>

namespace holdfast {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t factor;
};
// Longest value first, so that formatting can walk the table; "ms" stands before "m" is ever tried as a
// prefix.
constexpr std::array<Unit, 5> kTimeUnits{
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};
constexpr std::int64_t kLongest = 3650LL * 86'400'000;  // ten years: a longer duration is a slip of the pen

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string_view take_letters(std::string_view& text) {
  std::size_t n = 0;
  while (n < text.size() && ((text[n] >= 'a' && text[n] <= 'z') || (text[n] >= 'A' && text[n] <= 'Z'))) ++n;
  const std::string_view letters = text.substr(0, n);
  text.remove_prefix(n);
  return letters;
}

// A decimal number in millionths: "1.5" is 1,500,000. By integers, so that the keeper's heap-free program
// reads durations with the same code. -1: no number, or one too large to be meant.
std::int64_t take_millionths(std::string_view& text) {
  constexpr std::int64_t kOne = 1'000'000;
  std::int64_t whole = 0, fraction = 0, weight = kOne;
  bool any = false;
  for (; !text.empty() && is_digit(text.front()); text.remove_prefix(1), any = true) {
    whole = whole * 10 + (text.front() - '0');
    if (whole > kLongest) return -1;
  }
  if (!text.empty() && text.front() == '.') {
    text.remove_prefix(1);
    for (; !text.empty() && is_digit(text.front()); text.remove_prefix(1), any = true) {
      weight /= 10;
      fraction += (text.front() - '0') * weight;
    }
  }
  return any && whole <= INT64_MAX / kOne - 1 ? whole * kOne + fraction : -1;
}

// `millionths` of `factor` milliseconds, rounded; -1: longer than anybody means.
std::int64_t scaled(std::int64_t millionths, std::int64_t factor) {
  constexpr std::int64_t kOne = 1'000'000;
  if (millionths / kOne > kLongest / factor) return -1;
  return (millionths / kOne) * factor + (millionths % kOne * factor + kOne / 2) / kOne;
}

}  // namespace

Result<milliseconds> parse_duration(std::string_view text) {
  const auto bad = [&] { return fail(Errc::invalid, "duration", text); };
  if (text.empty()) return bad();
  std::int64_t total = 0;
  for (std::string_view rest = text; !rest.empty();) {
    const bool first = rest.size() == text.size();
    const std::int64_t number = take_millionths(rest);
    if (number < 0) return bad();
    const std::string_view name = take_letters(rest);
    if (name.empty() && (!rest.empty() || !first)) return bad();  // a plain number stands alone
    std::int64_t factor = name.empty() ? 1000 : 0;
    for (const Unit& unit : kTimeUnits) {
      if (unit.name == name) factor = unit.factor;
    }
    if (factor == 0) return bad();
    const std::int64_t part = scaled(number, factor);
    if (part < 0 || total + part > kLongest) return bad();
    total += part;
  }
  return milliseconds(total);
}

std::string format_duration(milliseconds value) {
  std::int64_t rest = value.count();
  if (rest == 0) return "0s";
  std::string text = rest < 0 ? "-" : "";
  if (rest < 0) rest = -rest;
  for (const Unit& u : kTimeUnits) {
    if (rest < u.factor) continue;
    text.append(std::to_string(rest / u.factor)).append(u.name);
    rest %= u.factor;
  }
  return text;
}

Result<std::int64_t> parse_size(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  if (unit.size() > 1 && (unit.ends_with("iB") || unit.ends_with("ib")))
    unit.remove_suffix(2);
  else if (unit.size() > 1 && (unit.back() == 'B' || unit.back() == 'b'))
    unit.remove_suffix(1);
  constexpr std::string_view kUnits = "kmgt";
  int shift = 0;
  if (unit.size() == 1) {
    const auto at = kUnits.find(static_cast<char>(unit[0] | 0x20));
    shift = at == std::string_view::npos ? -1 : 10 * (static_cast<int>(at) + 1);
  }
  if (ec != std::errc{} || number < 0 || unit.size() > 1 || shift < 0 || number > (INT64_MAX >> shift))
    return fail(Errc::invalid, "size", text);
  return number << shift;
}

}  // namespace holdfast
