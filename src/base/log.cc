#include "base/log.h"

#include <fmt/format.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <mutex>

namespace holdfast::log {
namespace {

Format chosen_format = Format::text;

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warn:
      return spdlog::level::warn;
    case Level::error:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

class WriterSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit WriterSink(Writer writer) : writer_(writer) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    if (dropped_ != 0) {
      const auto count = std::to_string(dropped_);
      const std::string text = chosen_format == Format::json ? R"("event":"log.dropped","lines":)" + count
                                                             : "log.dropped lines=" + count;
      if (take({message.time, {}, message.logger_name, spdlog::level::warn, text})) dropped_ = 0;
    }
    if (dropped_ != 0 || !take(message)) ++dropped_;
  }
  void flush_() override {}

  bool take(const spdlog::details::log_msg& message) {
    spdlog::memory_buf_t line;
    if (torn_) line.push_back('\n');
    formatter_->format(message, line);
    const auto taken = writer_({line.data(), line.size()});
    if (taken != 0) torn_ = taken != line.size();
    return taken == line.size();
  }

  const Writer writer_;
  std::uint64_t dropped_ = 0;
  bool torn_ = false;  // the last line was taken in part
};

constexpr const char* kTextPattern = "%Y-%m-%dT%H:%M:%S.%e%z %^%l%$ %v";
constexpr const char* kJsonPattern = R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l",%v})";

std::shared_ptr<spdlog::logger> make_logger() {
  auto logger =
      std::make_shared<spdlog::logger>("holdfast", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_pattern(kTextPattern);
  return logger;
}
spdlog::logger& logger() {
  static const std::shared_ptr<spdlog::logger> instance = make_logger();
  return *instance;
}

using Line = fmt::memory_buffer;

void append_quoted(Line& line, std::string_view text) {
  line.push_back('"');
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      line.push_back('\\'), line.push_back(c);
    else if (c == '\n')
      line.append(std::string_view("\\n"));
    else if (byte < 0x20 || byte == 0x7f)
      fmt::format_to(std::back_inserter(line), "\\u{:04x}", byte);
    else
      line.push_back(c);
  }
  line.push_back('"');
}

bool needs_quotes(std::string_view text) {
  if (text.empty()) return true;
  for (const char c : text)
    if (static_cast<unsigned char>(c) <= ' ' || c == '"' || c == '\\' || c == '=' || c == 0x7f) return true;
  return false;
}

void append_value(Line& line, const Field& field, bool always_quoted) {
  std::visit(
      [&](const auto& value) {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, std::string_view>) {
          if (always_quoted || needs_quotes(value))
            append_quoted(line, value);
          else
            line.append(value);
        } else {
          fmt::format_to(std::back_inserter(line), "{}", value);
        }
      },
      field.value);
}

}  // namespace

void configure(Level lowest, Format format, Writer writer) {
  chosen_format = format;
  if (writer != nullptr) logger().sinks() = {std::make_shared<WriterSink>(writer)};
  logger().set_level(to_spdlog(lowest));
  logger().set_pattern(format == Format::json ? kJsonPattern : kTextPattern);
}

bool enabled(Level level) { return logger().should_log(to_spdlog(level)); }

void write(Level level, std::string_view event, std::initializer_list<Field> fields) {
  if (!enabled(level)) return;
  Line line;
  const bool json = chosen_format == Format::json;
  if (json) line.append(std::string_view("\"event\":"));
  if (json)
    append_quoted(line, event);
  else
    line.append(event);
  for (const Field& field : fields) {
    line.push_back(json ? ',' : ' ');
    if (json)
      append_quoted(line, field.key);
    else
      line.append(field.key);
    line.push_back(json ? ':' : '=');
    append_value(line, field, json);
  }
  logger().log(to_spdlog(level), spdlog::string_view_t(line.data(), line.size()));
  logger().flush();
}

}  // namespace holdfast::log
