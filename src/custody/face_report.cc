#include "custody/face_report.h"

#include <unistd.h>

#include <cerrno>

namespace holdfast::custody {
namespace {

using std::chrono::milliseconds;

// How many bytes at the start of `text` are one character of UTF-8 (RFC 3629); 0: they are none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  std::size_t size = 0;
  if (lead >= 0xc2 && lead <= 0xdf) size = 2;
  if (lead >= 0xe0 && lead <= 0xef) size = 3;
  if (lead >= 0xf0 && lead <= 0xf4) size = 4;
  if (size == 0 || text.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  const unsigned char second = byte(1);
  const bool overlong = (lead == 0xe0 && second < 0xa0) || (lead == 0xf0 && second < 0x90);
  const bool beyond = (lead == 0xed && second > 0x9f) || (lead == 0xf4 && second > 0x8f);
  return overlong || beyond ? 0 : size;
}

class Writer {
 public:
  explicit Writer(int fd) : fd_(fd) {}

  Writer& text(std::string_view plain) {
    for (const char c : plain) put(c);
    return *this;
  }
  Writer& number(std::int64_t value) {
    FixedString<24> digits;
    return text(digits.append_number(value).view());
  }
  Writer& string(std::string_view value) {
    put('"');
    while (!value.empty()) value.remove_prefix(character(value));
    put('"');
    return *this;
  }
  bool finish() {
    flush();
    return !failed_;
  }

 private:
  // What is not UTF-8 becomes U+FFFD: a name of a file may be anything, JSON may not.
  std::size_t character(std::string_view value) {
    static constexpr char digits[] = "0123456789abcdef";
    const auto c = static_cast<unsigned char>(value.front());
    if (c < 0x20) {
      text("\\u00").put(digits[c >> 4]);
      put(digits[c & 15]);
    } else if (c == '"' || c == '\\') {
      put('\\');
      put(value.front());
    } else if (c < 0x80) {
      put(value.front());
    } else if (const std::size_t size = utf8_length(value); size != 0) {
      text(value.substr(0, size));
      return size;
    } else {
      text("\\ufffd");
    }
    return 1;
  }
  void put(char c) {
    if (used_ == sizeof buffer_) flush();
    buffer_[used_++] = c;
  }
  void flush() {
    for (std::size_t at = 0; at < used_ && !failed_;) {
      const ssize_t n = ::write(fd_, buffer_ + at, used_ - at);
      if (n > 0) at += static_cast<std::size_t>(n);
      if (n < 0 && errno != EINTR) failed_ = true;
    }
    used_ = 0;
  }

  int fd_;
  bool failed_ = false;
  std::size_t used_ = 0;
  char buffer_[512];
};

void padded(Writer& out, std::int64_t value, std::int64_t weight) {
  for (; weight > 1 && value < weight; weight /= 10) out.text("0");
  out.number(value);
}

// RFC 3339 in UTC, to the millisecond.
void write_time(Writer& out, std::chrono::system_clock::time_point at) {
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(std::chrono::floor<milliseconds>(at - day));
  out.text("\"").number(int(date.year())).text("-");
  padded(out, unsigned(date.month()), 10);
  out.text("-");
  padded(out, unsigned(date.day()), 10);
  out.text("T");
  padded(out, time.hours().count(), 10);
  out.text(":");
  padded(out, time.minutes().count(), 10);
  out.text(":");
  padded(out, time.seconds().count(), 10);
  out.text(".");
  padded(out, time.subseconds().count(), 100);
  out.text("Z\"");
}

}  // namespace

void FaceReport::enter(LadderState state, LadderEvent why) {
  if (rung_count < rungs.size()) rungs[rung_count++] = {state, why, Clock::now()};
}

bool FaceReport::write(int fd) const {
  const auto ms = [](auto span) { return std::chrono::duration_cast<milliseconds>(span).count(); };
  const auto number_or_null = [](Writer& out, std::int64_t value, bool known) {
    known ? out.number(value) : out.text("null");
  };
  Writer out(fd);
  out.text("{\"command\":[");
  for (char** word = command; *word != nullptr; ++word) {
    if (word != command) out.text(",");
    out.string(*word);
  }
  out.text("],\"rung\":").string(rung).text(",\"rung_reason\":").string(rung_reason.view());
  out.text(",\"pid\":");
  number_or_null(out, pid, pid != 0);
  out.text(",\"keeper_pid\":");
  number_or_null(out, keeper_pid, keeper_pid != 0);
  out.text(",\"started_at\":");
  write_time(out, started_at);
  out.text(",\"duration_ms\":").number(ms(end - begin));
  out.text(",\"ended_by\":").string(ended_by).text(",\"signal\":");
  number_or_null(out, signal, signal != 0);
  out.text(",\"code\":");
  number_or_null(out, code, status_known && leader_signal == 0);
  out.text(",\"killed_by\":");
  number_or_null(out, leader_signal, status_known && leader_signal != 0);
  out.text(",\"exit_status\":").number(exit_status).text(",\"ladder\":[");
  for (std::size_t i = 0; i < rung_count; ++i) {
    const auto until = i + 1 < rung_count ? rungs[i + 1].at : end;
    if (i > 0) out.text(",");
    out.text("{\"step\":").string(to_string(rungs[i].state)).text(",\"because\":");
    out.string(to_string(rungs[i].why)).text(",\"at_ms\":").number(ms(rungs[i].at - begin));
    out.text(",\"took_ms\":").number(ms(until - rungs[i].at)).text("}");
  }
  out.text("],\"terminated\":").number(terminated).text(",\"killed\":").number(killed);
  out.text(",\"left\":").number(left).text(",\"keeper_lost\":").text(keeper_lost ? "true" : "false");
  out.text(",\"error\":");
  error.empty() ? out.text("null") : out.string(error.view());
  out.text("}\n");
  return out.finish();
}

}  // namespace holdfast::custody
