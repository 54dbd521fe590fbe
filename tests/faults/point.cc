#include "point.h"

#include <charconv>

namespace holdfast::faults {
namespace {

template <class T>
bool number(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

std::string to_string(const Point& point) {
  return point.step + "/" + point.role + "/" + std::to_string(point.number);
}

std::optional<Point> parse_point(std::string_view text) {
  const auto first = text.find('/'), last = text.rfind('/');
  if (first == text.npos || last == first) return std::nullopt;
  Point point{.step = std::string(text.substr(0, first)),
              .role = std::string(text.substr(first + 1, last - first - 1))};
  if (!number(text.substr(last + 1), point.number)) return std::nullopt;
  return point;
}

std::optional<Fault> parse_fault(std::string_view text) {
  using Kind = Fault::Kind;
  if (text == "none") return Fault{};
  if (text == "reuse") return Fault{.kind = Kind::reuse};
  if (text == "full-log") return Fault{.kind = Kind::full_log};
  const auto cut = text.find_first_of("-+");
  if (cut == text.npos) return std::nullopt;
  const std::string_view deed = text.substr(0, cut), what = text.substr(cut + 1);
  Fault fault;
  if (deed == "kill" || deed == "stop") {
    fault.kind = deed == "kill" ? Kind::kill : Kind::stop;
    fault.gateway = what == "gateway" || what == "both";
    fault.keeper = what == "keeper" || what == "both";
    return fault.gateway || fault.keeper ? std::optional(fault) : std::nullopt;
  }
  fault.kind = deed == "fail" ? Kind::fail : deed == "lack" ? Kind::lack : Kind::clock;
  if (!number(what, fault.value) || (fault.kind == Kind::clock && deed != "clock")) return std::nullopt;
  if (text[cut] == '-' && fault.kind == Kind::clock) fault.value = -fault.value;
  return fault;
}

}  // namespace holdfast::faults
