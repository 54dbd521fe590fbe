#include "config/interpolate.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/document.h"

namespace holdfast::config {
namespace {

constexpr std::string_view kRunPrefix = "HOLDFAST_";
constexpr std::string_view kRunOpening = "${HOLDFAST_";
constexpr int kDeepestDefault = 8;

bool is_name(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !name.empty() && letter(name[0]) &&
         std::ranges::all_of(name, [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

// Where the brace that closes the `${` at `open` stands; npos: nowhere.
std::size_t closing_brace(std::string_view text, std::size_t open) {
  int depth = 0;
  for (std::size_t i = open; i < text.size(); ++i) {
    if (text.substr(i, 2) == "${") {
      ++depth;
      ++i;
    } else if (text[i] == '}' && --depth == 0) {
      return i;
    }
  }
  return std::string_view::npos;
}

class Expansion {
 public:
  Expansion(const Lookup& environment, bool keep) : environment_(environment), keep_(keep) {}

  std::string expand(std::string_view text, int depth) {
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
      const auto dollar = text.find('$', at);
      out += text.substr(at, dollar == std::string_view::npos ? dollar : dollar - at);
      if (dollar == std::string_view::npos) break;
      if (text.substr(dollar, 3) == "$${") {
        // What is escaped from a run's variables stays escaped until they are expanded.
        out += keep_ && text.substr(dollar + 3).starts_with(kRunPrefix) ? "$${" : "${";
        at = dollar + 3;
      } else if (text.substr(dollar, 2) != "${") {
        out += '$';
        at = dollar + 1;
      } else {
        const auto close = closing_brace(text, dollar);
        if (close == std::string_view::npos) {
          fault("a `${` is not closed; write `$${` for the characters themselves");
          break;
        }
        out += value_of(text.substr(dollar + 2, close - dollar - 2), depth);
        at = close + 1;
      }
    }
    return out;
  }
  std::string take_fault() { return std::move(fault_); }

 private:
  std::string value_of(std::string_view inside, int depth) {
    if (inside == "userHome") return variable("HOME", {}, false, depth);
    if (inside == "/" || inside == "pathSeparator") return "/";
    std::string_view name = inside;
    if (name.starts_with("env:")) name.remove_prefix(4);
    const auto dash = name.find(":-");
    const bool has_default = dash != std::string_view::npos;
    const auto fallback = has_default ? name.substr(dash + 2) : std::string_view();
    name = name.substr(0, dash);
    if (!is_name(name)) {
      fault("`${" + clipped(inside, 60) +
            "}` is no form that is read here (${VAR}, ${VAR:-default}, ${env:VAR}, ${userHome}); write `$${` "
            "for the characters themselves");
      return {};
    }
    if (keep_ && std::ranges::find(kRunVariables, name) != kRunVariables.end())
      return "${" + std::string(name) + "}";
    return variable(name, fallback, has_default, depth);
  }

  std::string variable(std::string_view name, std::string_view fallback, bool has_default, int depth) {
    auto value = environment_ ? environment_(name) : std::nullopt;
    if (value && !(has_default && value->empty())) return std::move(*value);
    if (has_default && depth < kDeepestDefault) return expand(fallback, depth + 1);
    if (has_default)
      fault("defaults are nested deeper than 8 levels");
    else if (keep_ && name.starts_with(kRunPrefix))
      fault(fmt::format("the variable {} is not set and has no default, and a run brings only {}",
                        clipped(name, 60), fmt::join(kRunVariables, ", ")));
    else
      fault(fmt::format("the variable {0} is not set and has no default (${{{0}:-value}} gives one)",
                        clipped(name, 60)));
    return {};
  }

  void fault(std::string text) {
    if (fault_.contains(text) || fault_.size() > 1000) return;
    fault_ += (fault_.empty() ? "" : "; ") + text;
  }

  const Lookup& environment_;
  bool keep_;
  std::string fault_;
};

}  // namespace

Interpolated interpolate(std::string_view text, const Lookup& environment, bool keep_run_variables) {
  Expansion expansion(environment, keep_run_variables);
  Interpolated result{expansion.expand(text, 0), {}};
  result.fault = expansion.take_fault();
  return result;
}

bool has_run_variables(std::string_view text) { return text.contains(kRunOpening); }

std::string expand_run_variables(std::string_view text, const RunValues& values) {
  std::string out;
  for (;;) {
    const auto open = text.find(kRunOpening);
    out += text.substr(0, open);
    if (open == std::string_view::npos) return out;
    text.remove_prefix(open);
    const bool escaped = out.ends_with('$');
    if (escaped) out.pop_back();
    const auto known = std::ranges::find_if(kRunVariables, [text](std::string_view name) {
      return text.substr(2).starts_with(name) && text.substr(2 + name.size()).starts_with('}');
    });
    if (escaped || known == kRunVariables.end()) {
      out += kRunOpening;
      text.remove_prefix(kRunOpening.size());
    } else {
      out += values[static_cast<std::size_t>(known - kRunVariables.begin())];
      text.remove_prefix(known->size() + 3);
    }
  }
}

}  // namespace holdfast::config
