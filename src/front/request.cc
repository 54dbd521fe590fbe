#include "front/request.h"

#include <charconv>

#include "base/field_name.h"

namespace holdfast::front {

std::vector<std::pair<std::string, std::string>> own_headers(const Request& request) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& one : request.headers)
    if (!says_nothing_of_its_client(one.first)) out.push_back(one);
  return out;
}

std::optional<std::string_view> Request::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (same_field(key, name)) return value;
  }
  return std::nullopt;
}

std::string_view Request::path() const { return std::string_view(target).substr(0, target.find('?')); }

std::vector<std::pair<std::string, std::string>> Request::queries() const {
  std::vector<std::pair<std::string, std::string>> out;
  const auto mark = target.find('?');
  std::string_view rest = mark == std::string::npos ? "" : std::string_view(target).substr(mark + 1);
  while (!rest.empty()) {
    const auto end = rest.find('&');
    const std::string_view pair = rest.substr(0, end);
    rest = end == std::string_view::npos ? "" : rest.substr(end + 1);
    const auto equals = pair.find('=');
    out.emplace_back(percent_decode(pair.substr(0, equals)),
                     equals == std::string_view::npos ? "" : percent_decode(pair.substr(equals + 1)));
  }
  return out;
}

std::optional<std::string> Request::query(std::string_view name) const {
  for (auto& [key, value] : queries()) {
    if (key == name) return std::move(value);
  }
  return std::nullopt;
}

std::string percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    if (text[i] == '%' && i + 2 < text.size()) {
      const char* first = text.data() + i + 1;
      if (const auto [end, error] = std::from_chars(first, first + 2, value, 16);
          error == std::errc() && end == first + 2) {
        out.push_back(static_cast<char>(value));
        i += 2;
        continue;
      }
    }
    out.push_back(text[i] == '+' ? ' ' : text[i]);
  }
  return out;
}

}  // namespace holdfast::front
