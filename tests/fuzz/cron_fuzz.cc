// Whatever stands behind `schedule`, by the clock of a zone that the last byte chooses: it is read to an end,
// a fault has its place in the text, and the instants of what is accepted are in order and, in UTC, have a
// description.
#include <string>
#include <string_view>

#include "cron/expression.h"
#include "fuzz.h"

namespace {

using namespace holdfast;
using namespace holdfast::cron;
using holdfast::fuzz::require;
using namespace std::chrono_literals;

// In zones where clocks are set in different ways; a date at which they are soon.
constexpr const char* kZones[] = {"UTC", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia",
                                  "Africa/Cairo"};
constexpr SystemTime kFrom = std::chrono::sys_days(std::chrono::year(2011) / 3 / 12);

long characters_of(std::string_view text) {
  long count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xC0) != 0x80 ? 1 : 0;
  return count;
}

void check(const Expression& expression) {
  require(!expression.describe().empty(), "no description");
  SystemTime now = kFrom;
  for (int i = 0; i < 5; ++i) {
    const auto next = expression.next(now);
    if (!next) break;
    require(expression.without_instants().empty(), "instants of what has none");
    require(*next > now, "an instant that is not later");
    require(expression.next(*next - 1s) == next, "another instant from a second before it");
    require(expression.next(now + (*next - now) / 2) == next, "another instant from halfway");
    require(std::chrono::floor<std::chrono::seconds>(*next) == *next, "a fraction of a second");
    now = *next;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size - 1);
  holdfast::fuzz::input = text;
  const char* zone = kZones[data[size - 1] % std::size(kZones)];
  const auto parsed = Expression::parse(text, {.default_zone = zone, .seed = text});
  if (parsed) {
    check(*parsed);
    return 0;
  }
  const ParseError& error = parsed.error();
  require(!error.message.empty(), "a fault without words");
  require(error.column >= 1 && error.column <= characters_of(text) + 1, "a column outside of the text");
  return 0;
}
