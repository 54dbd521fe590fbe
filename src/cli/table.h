// Text for people: columns, sizes, ages, states. Internal to cli.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

namespace holdfast::cli {

class Table {
 public:
  explicit Table(std::vector<std::string> heads) { rows_.push_back(std::move(heads)); }
  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  // Columns two spaces apart, the head in bold and states in colour if `colour`.
  void print(std::ostream& out, bool colour) const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

std::string format_bytes(std::int64_t bytes);    // "512K", "12.3M"
std::string age_of(const std::string& rfc3339);  // "5s", "3m"; "-" for nothing; "in 5s" if ahead
std::string one_line(std::string text,
                     std::size_t limit);  // control characters become blanks, cut with "..."

}  // namespace holdfast::cli
