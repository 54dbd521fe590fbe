// Whatever stands behind `holdfast run`, a word a line: what is accepted says the same when it is written out
// in full, its command is the end of the words as they were given, and its numbers are ones that may be used.
#include <array>
#include <string>

#include "base/duration.h"
#include "custody/face_options.h"
#include "fuzz.h"

namespace {

using namespace holdfast::custody;
using holdfast::fuzz::require;

// The words as main() gets them.
struct Words {
  explicit Words(std::vector<std::string> given) : texts(std::move(given)) {
    for (auto& text : texts) pointers.push_back(text.data());
    pointers.push_back(nullptr);
  }
  std::vector<std::string> texts;
  std::vector<char*> pointers;
};

std::string limits_of(const Limits& limits) {
  std::string list;
  const auto add = [&](const char* name, std::uint64_t value, const char* unit) {
    if (value == 0) return;
    if (!list.empty()) list += ',';
    list.append(name).append("=").append(std::to_string(value)).append(unit);
  };
  add("files", limits.files, "");
  add("memory", limits.memory, "");
  add("pids", limits.pids, "");
  add("cpu", limits.cpu, "%");
  return list;
}

std::vector<std::string> in_full(const FaceOptions& options) {
  std::vector<std::string> words{
      "--stop=eof=" + holdfast::format_duration(options.eof) +
          ",term=" + holdfast::format_duration(options.term),
      std::string("--on-eof=") + (options.stop_at_end_of_input ? "stop" : "ignore")};
  if (options.time.count() > 0) words.push_back("--for=" + holdfast::format_duration(options.time));
  static constexpr std::array kIsolations{"auto", "tree", "leaf", "pidns"};
  words.push_back(std::string("--isolation=") + kIsolations.at(static_cast<std::size_t>(options.isolation)));
  if (const auto list = limits_of(options.limits); !list.empty()) words.push_back("--limit=" + list);
  if (options.report != nullptr) words.push_back("--report=" + std::string(options.report));
  words.emplace_back("--");
  for (char** word = options.command; *word != nullptr; ++word) words.emplace_back(*word);
  return words;
}

void check(const Words& words, const FaceOptions& options) {
  const auto place = static_cast<std::size_t>(options.command - words.pointers.data());
  require(place < words.texts.size(), "a command that nobody gave");
  require(options.eof.count() >= 0 && options.term.count() >= 0 && options.time.count() >= 0,
          "a span of time");
  const auto& limits = options.limits;
  require(limits.files <= 1'000'000'000 && limits.pids <= 1'000'000'000 && limits.cpu <= 1'000'000'000,
          "a limit");
  require(!(options.isolation == Isolation::tree && limits.need_leaf()), "limits that nothing enforces");

  Words full(in_full(options));
  const auto again = parse_face_options(full.pointers.data());
  require(again.has_value(), "written out in full it is refused");
  require(in_full(*again) == full.texts, "written out in full it says something else");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  holdfast::fuzz::input = text;
  std::vector<std::string> given;
  for (const auto word : holdfast::fuzz::split(text, '\n'))
    given.emplace_back(word.substr(0, word.find('\0')));
  Words words(std::move(given));
  const auto options = parse_face_options(words.pointers.data());
  if (!options) require(!options.error().subject.empty(), "a refusal without a reason");
  if (options && !options->help) check(words, *options);
  return 0;
}
