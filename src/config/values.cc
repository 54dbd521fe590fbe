// Reader's part that turns one node into one Value.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/address.h"
#include "base/field_name.h"
#include "config/interpolate.h"
#include "config/reader.h"

namespace holdfast::config {
namespace {

std::optional<bool> as_flag(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  if (text == "true" || text == "yes" || text == "on") return true;
  if (text == "false" || text == "no" || text == "off") return false;
  return std::nullopt;
}

std::optional<std::int64_t> as_integer(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// What keeps `name: value` from being an HTTP header; empty: nothing. A value from the environment may end
// with a line break, and what follows one would be headers of their own.
std::string header_fault(std::string_view name, std::string_view value) {
  if (!is_field_name(name)) return "is no name of an HTTP header";
  if (value.find_first_of("\r\n") != std::string_view::npos)
    return "its value holds a line break, which no header can";
  return {};
}

}  // namespace

void Reader::wrong(const Option& row, const Node& node, std::string_view path) {
  error(node, path, fmt::format("found {}; expected {}", found(node), expectation(row)));
}

std::string Reader::resolve(const std::string& path) const {
  std::filesystem::path out = path;
  if (path == "~" || path.starts_with("~/")) {
    const auto home = environment_ ? environment_("HOME") : std::nullopt;
    if (home && !home->empty()) out = std::filesystem::path(*home) / (path.size() > 2 ? path.substr(2) : "");
  }
  out = (folder_ / out).lexically_normal();
  if (!out.has_filename() && out.has_parent_path() && out != out.root_path()) out = out.parent_path();
  return out.string();
}

std::optional<std::string> Reader::expanded(const Option& row, const Node& node, std::string_view path) {
  if (!node.is_scalar()) {
    wrong(row, node, path);
    return std::nullopt;
  }
  std::string text = node.text;
  if (row.expand) {
    auto result = interpolate(text, environment_, in_job_);
    if (!result.fault.empty()) {
      error(node, path, result.fault, unusable_ == nullptr);
      if (unusable_ != nullptr && unusable_->empty()) *unusable_ = std::string(path) + ": " + result.fault;
      return std::nullopt;
    }
    text = std::move(result.text);
  }
  if (text.contains('\0')) {
    error(node, path, "holds a zero byte, which no program can be given");
    return std::nullopt;
  }
  return text;
}

std::optional<Value> Reader::read_value(const Option& row, const Node& node, const std::string& path,
                                        Target& target) {
  switch (row.type) {
    case Type::text_list:
    case Type::command:
    case Type::listen:
    case Type::schedules:
      return read_list(row, node, path);
    case Type::text_map:
      return read_map(row, node, path);
    case Type::sharing:
      return read_sharing(row, node, path, target);
    case Type::json: {
      Value value;
      if (!node.is_map() && !node.is_null()) return wrong(row, node, path), std::nullopt;
      if (node.is_null()) return value.text = "{}", value;
      if (const auto fault = to_json(node, value.text))
        return error(*fault->node, path, fault->message), std::nullopt;
      return value;
    }
    default:
      return read_scalar(row, node, path);
  }
}

std::optional<Value> Reader::read_scalar(const Option& row, const Node& node, const std::string& path) {
  auto text = expanded(row, node, path);
  if (!text) return std::nullopt;
  Value value;
  const auto in_range = [&] { return value.number >= row.least && value.number <= row.most; };
  bool good = true;
  switch (row.type) {
    case Type::flag: {
      const auto flag = as_flag(*text);
      good = flag.has_value();
      value.flag = flag.value_or(false);
      break;
    }
    case Type::choice:
      good = std::ranges::find(row.choices, *text) != row.choices.end();
      break;
    case Type::integer:
    case Type::percent: {
      std::string_view digits = *text;
      if (row.type == Type::percent && digits.ends_with('%')) digits.remove_suffix(1);
      const auto number = as_integer(digits);
      value.number = number.value_or(0);
      good = number && in_range() && (row.type == Type::integer || text->ends_with('%'));
      break;
    }
    case Type::size: {
      const auto size = parse_size(*text);
      value.number = size.value_or(0);
      good = size && in_range();
      break;
    }
    case Type::duration_or_off:
      if (*text == "off" || *text == "false" || *text == "never") {
        value.flag = true;
        break;
      }
      [[fallthrough]];
    case Type::duration: {
      const auto duration = parse_duration(*text);
      value.number = duration ? duration->count() : 0;
      good = duration && in_range();
      if (good && as_integer(*text).value_or(0) >= 10'000)
        warn(node, path,
             fmt::format("{} is read as seconds ({}); write {}ms if milliseconds are meant", *text,
                         format_duration(*duration), *text));
      break;
    }
    case Type::duration_range: {
      const auto dots = text->find("..");
      const auto from = parse_duration(std::string_view(*text).substr(0, dots));
      const auto to =
          dots == std::string::npos ? from : parse_duration(std::string_view(*text).substr(dots + 2));
      good = from && to && *from <= *to && from->count() >= row.least && to->count() <= row.most;
      if (good) value.number = from->count(), value.upper = to->count();
      break;
    }
    case Type::path:
      good = !text->empty();
      if (good) *text = resolve(*text);
      break;
    default:
      good = !text->empty() || row.section == Section::server;
      break;
  }
  if (!good) return wrong(row, node, path), std::nullopt;
  value.text = std::move(*text);
  return value;
}

std::optional<Value> Reader::read_list(const Option& row, const Node& node, const std::string& path) {
  const bool words = row.type == Type::text_list || row.type == Type::command;
  if (node.is_map() || (node.is_null() && !words)) return wrong(row, node, path), std::nullopt;
  Value value;
  bool good = true;
  const auto take = [&](const Node& item, const std::string& here) {
    auto text = expanded(row, item, here);
    if (!text) {
      good = false;
      return;
    }
    if (row.type == Type::listen) {
      if (const auto address = parse_address(*text); !address) {
        error(item, here,
              fmt::format("found {}: {}; expected {}", found(item), address.error().op, expectation(row)));
        good = false;
      }
    } else if (row.type == Type::schedules) {
      schedules_.push_back({&item, here});
    }
    value.list.push_back(std::move(*text));
  };
  if (node.is_scalar()) take(node, path);
  for (std::size_t i = 0; i < node.items.size(); ++i) take(*node.items[i], fmt::format("{}[{}]", path, i));
  const bool may_be_empty = row.type == Type::text_list || (row.type == Type::listen && node.is_list());
  if (good && !may_be_empty && (value.list.empty() || value.list.front().empty()))
    return wrong(row, node, path), std::nullopt;
  if (good && row.type == Type::command) {
    std::string& program = value.list.front();
    if (program.contains('/') || program == "~") program = resolve(program);
    if (in_job_ && node.is_scalar() && program.contains(' ') && !program.contains('/'))
      return error(node, path,
                   fmt::format("found {}; expected a list of words such as [claude, -p, \"...\"]: no "
                               "shell splits it",
                               found(node))),
             std::nullopt;
  }
  return good ? std::optional(std::move(value)) : std::nullopt;
}

std::optional<Value> Reader::read_map(const Option& row, const Node& node, const std::string& path) {
  Value value;
  if (node.is_null()) return value;
  if (node.is_scalar()) return wrong(row, node, path), std::nullopt;
  bool good = true;
  const auto put = [&](const Node& at, const std::string& here, const std::string& name, std::string text) {
    const std::string fault = row.key == "headers" ? header_fault(name, text) : std::string();
    if (!fault.empty()) return error(at, here, fault), void(good = false);
    value.map[name] = std::move(text);
  };
  const auto name_ok = [&](const Node& at, const std::string& here, std::string_view name) {
    if (!name.empty() && !name.contains('=') && !name.contains('\0')) return true;
    error(at, here, "a name must not be empty and holds no `=`");
    return good = false;
  };
  for (const auto& [key, item] : node.entries) {
    const std::string here = path_of(path, key->text);
    if (!name_ok(*key, here, key->text)) continue;
    auto text = item->is_null() ? std::nullopt : expanded(row, *item, here);
    if (item->is_null()) error(*key, here, "found nothing; write \"\" for an empty value");
    if (text)
      put(*item, here, key->text, std::move(*text));
    else
      good = false;
  }
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const std::string here = fmt::format("{}[{}]", path, i);
    const auto text = expanded(row, *node.items[i], here);
    if (!text) {
      good = false;
      continue;
    }
    const auto equals = text->find('=');
    const std::string name = text->substr(0, equals);
    if (!name_ok(*node.items[i], here, name)) continue;
    if (equals != std::string::npos)
      put(*node.items[i], here, name, text->substr(equals + 1));
    else if (auto inherited = environment_ ? environment_(name) : std::nullopt)
      put(*node.items[i], here, name, std::move(*inherited));
  }
  return good ? std::optional(std::move(value)) : std::nullopt;
}

std::optional<Value> Reader::read_sharing(const Option& row, const Node& node, const std::string& path,
                                          Target& target) {
  Value value;
  if (node.is_scalar() && (node.text == "session" || node.text == "shared"))
    return value.text = node.text, value;
  const Node* key = node.is_map() ? node.find("key") : nullptr;
  if (key == nullptr || !key->is_scalar()) return wrong(row, node, path), std::nullopt;
  constexpr std::string_view kHeader = "header:";
  const std::string& text = key->text;
  const bool header = text.starts_with(kHeader);
  const std::string_view name = header ? std::string_view(text).substr(kHeader.size()) : "";
  if (header ? !is_field_name(name) : text != "token")
    return wrong(row, *key, path_of(path, "key")), std::nullopt;
  if (const auto why = says_nothing_of_its_client(name))
    return error(*key, path_of(path, "key"),
                 fmt::format("found {}: {}; expected {}", found(*key), *why, expectation(row))),
           std::nullopt;
  read_section(row.nested, node, path, target);
  value.text = "key";
  return value;
}

}  // namespace holdfast::config
