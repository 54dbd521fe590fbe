// Whatever stands behind `schedule`, and maybe a zone on a second line: it is read to an end, a fault has its
// place in the text, and the instants of what is accepted are in order and, in UTC, have a description.
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
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  holdfast::fuzz::input = text;
  const auto lines = holdfast::fuzz::split(text, '\n');
  const std::string_view zone = lines.size() > 1 ? lines[1] : kZones[size % std::size(kZones)];
  const auto parsed = Expression::parse(lines[0], {.default_zone = zone, .seed = lines[0]});
  if (parsed) {
    check(*parsed);
    return 0;
  }
  const ParseError& error = parsed.error();
  require(!error.message.empty(), "a fault without words");
  require(error.column >= 0 && error.column <= characters_of(lines[0]) + 1, "a column outside of the text");
  require(error.column > 0 || lines.size() > 1, "a zone of ours is refused");
  return 0;
}
