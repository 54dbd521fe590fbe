// A point: between two system calls of a gateway, its keepers, or a server that has not executed yet. And
// what befalls whom there.
#pragma once

#include <chrono>
#include <compare>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::faults {

// "start-b/k2/17": in step start-b of the scene, before the 17th call there of the second keeper. Roles: g,
// the gateway's loop; w1, …, its other threads; k1, …, keepers in order of birth, from their birth on; i1, …,
// inits of PID namespaces; s1, …, servers until they execute.
struct Point {
  std::string step, role;
  int number = 0;
  auto operator<=>(const Point&) const = default;
};
std::string to_string(const Point& point);
std::optional<Point> parse_point(std::string_view text);

// "none"; "kill-gateway", "kill-keeper", "kill-both"; "stop-gateway", "stop-keeper" (SIGSTOP, for a time);
// "fail-28": this one call, with this errno; "lack-28": for a time, every call that could fail so, in this
// process; "clock+3600": the wall clock goes that many seconds wrong. "full-log": stderr is a full disk, at
// every point. "reuse": who is about to be opened by number dies, and the number is an innocent's
// (innocent.h).
struct Fault {
  enum class Kind { none, kill, stop, fail, lack, clock, full_log, reuse };
  Kind kind = Kind::none;
  bool gateway = false, keeper = false;
  long value = 0;
};
std::optional<Fault> parse_fault(std::string_view text);

}  // namespace holdfast::faults
