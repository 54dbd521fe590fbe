// Errors are values. A function that can fail returns Result<T>; [[nodiscard]] comes with std::expected's
// use.
#pragma once

#include <cerrno>
#include <expected>
#include <string>
#include <string_view>
#include <system_error>

#include "base/fixed_string.h"

namespace holdfast {

// What failed that errno has no number for.
enum class Errc {
  timeout = 1,  // the deadline of an await passed
  cancelled,    // whoever waited was cancelled
  closed,       // the peer, the channel or the gateway is going away
  limit,        // a bound of ours was reached (queue, line, instances)
  not_found,    // no such server, job, run, tool
  invalid,      // input that can never be right
  refused,      // policy says no (parked, draining, ambiguous)
  protocol,     // the peer broke the protocol
  unproven,     // custody could not prove what it needed to
};
const std::error_category& holdfast_category() noexcept;
inline std::error_code make_error_code(Errc e) noexcept { return {static_cast<int>(e), holdfast_category()}; }

// A value: what failed, on what, and why. No heap, since the keeper uses it too.
struct [[nodiscard]] Error {
  std::error_code code;
  std::string_view op;       // string literal: "openat", "initialize"; empty: `subject` says it all
  FixedString<224> subject;  // path, pid, server name or a sentence for people; may be empty

  // "openat /x: No such file or directory", for logs and people.
  [[nodiscard]] std::string message() const;
  [[nodiscard]] bool is(Errc e) const { return code == make_error_code(e); }
  [[nodiscard]] bool is_errno(int number) const {
    return code.category() == std::system_category() && code.value() == number;
  }
};

template <class T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> sys_error(std::string_view op, std::string_view subject = {},
                                        int number = errno) {
  return std::unexpected(Error{{number, std::system_category()}, op, subject});
}
inline std::unexpected<Error> fail(Errc code, std::string_view op, std::string_view subject = {}) {
  return std::unexpected(Error{make_error_code(code), op, subject});
}

// Passes an error on: `if (!r) return forward(r);`
template <class T>
std::unexpected<Error> forward(Result<T>& failed) {
  return std::unexpected(std::move(failed.error()));
}

}  // namespace holdfast

template <>
struct std::is_error_code_enum<holdfast::Errc> : std::true_type {};
