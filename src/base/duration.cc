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

std::string_view leading_letters(std::string_view text) {
  std::size_t n = 0;
  while (n < text.size() && ((text[n] >= 'a' && text[n] <= 'z') || (text[n] >= 'A' && text[n] <= 'Z'))) ++n;
  return text.substr(0, n);
}

}  // namespace

Result<milliseconds> parse_duration(std::string_view text) {
  const auto bad = [&] { return fail(Errc::invalid, "duration", text); };
  if (text.empty()) return bad();
  double total = 0;
  for (std::string_view rest = text; !rest.empty();) {
    double number = 0;
    const auto [end, ec] =
        std::from_chars(rest.data(), rest.data() + rest.size(), number, std::chars_format::fixed);
    if (ec != std::errc{} || number < 0 || !(number <= static_cast<double>(kLongest))) return bad();
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    const std::string_view unit = leading_letters(rest);
    if (unit.empty() && (!rest.empty() || total != 0)) return bad();  // a plain number stands alone
    double factor = unit.empty() ? 1000 : 0;
    for (const Unit& u : kTimeUnits)
      if (u.name == unit) factor = static_cast<double>(u.factor);
    if (factor == 0) return bad();
    total += number * factor;
    rest.remove_prefix(unit.size());
  }
  if (total > static_cast<double>(kLongest)) return bad();
  return milliseconds(static_cast<std::int64_t>(total + 0.5));
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
