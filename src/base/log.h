// The log: one line per state change on stderr, `time level event key=value …`, or one JSON object per line.
// Reasons in words; never per call above debug. Nothing here is for stdout.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace holdfast::log {

enum class Level { debug, info, warn, error };
enum class Format { text, json };

// How much it took of a line with its newline; it must not wait.
using Writer = std::size_t (*)(std::string_view line);

// Set once at start, before other threads exist. Without a writer the lines go to stderr by stdio, which
// waits for whoever reads there. Lines that the writer did not take whole are counted, and told in front of
// the next one.
void configure(Level lowest, Format format, Writer writer = nullptr);
[[nodiscard]] bool enabled(Level level);

// A value refers to its text only for the length of the call.
struct Field {
  std::string_view key;
  std::variant<std::string_view, std::int64_t, double, bool> value;
  Field(std::string_view k, std::string_view v) : key(k), value(v) {}
  Field(std::string_view k, const char* v) : key(k), value(std::string_view(v)) {}
  Field(std::string_view k, const std::string& v) : key(k), value(std::string_view(v)) {}
  Field(std::string_view k, bool v) : key(k), value(v) {}
  Field(std::string_view k, std::floating_point auto v) : key(k), value(static_cast<double>(v)) {}
  Field(std::string_view k, std::integral auto v) : key(k), value(static_cast<std::int64_t>(v)) {}
};

// `event` is dotted and fixed: "tree.started", "custody.rung", "lease.released".
void write(Level level, std::string_view event, std::initializer_list<Field> fields);

inline void debug(std::string_view event, std::initializer_list<Field> fields = {}) {
  write(Level::debug, event, fields);
}
inline void info(std::string_view event, std::initializer_list<Field> fields = {}) {
  write(Level::info, event, fields);
}
inline void warn(std::string_view event, std::initializer_list<Field> fields = {}) {
  write(Level::warn, event, fields);
}
inline void error(std::string_view event, std::initializer_list<Field> fields = {}) {
  write(Level::error, event, fields);
}

}  // namespace holdfast::log
