// Whatever bytes come: reading a line ends, its spans lie inside of it, and replacing none of them changes
// nothing.
#include <string>
#include <utility>
#include <vector>

#include "fuzz.h"
#include "mcp/skim.h"
#include "mcp/splice.h"

namespace {

using namespace holdfast::mcp;
using holdfast::fuzz::require;

void check(std::string_view line, const Span& span) {
  require(span.offset <= line.size() && span.size <= line.size() - span.offset, "a span outside of its line");
}

void check(std::string_view line, const Params& params) {
  for (const Span& span :
       {params.whole, params.name, params.uri, params.progress, params.cancelled, params.meta, params.token})
    check(line, span);
  if (params.whole)
    require(params.whole.of(line).front() == '{' && params.whole.of(line).back() == '}',
            "params that are no object");
  if (params.meta)
    require(params.meta.of(line).front() == '{' && params.meta.of(line).back() == '}',
            "a _meta that is no object");
}

// A message opens as many brackets as it closes, and closes the outermost last.
void check_brackets(std::string_view line) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t at = 0; at < line.size(); ++at) {
    const char c = line[at];
    if (c == '"') in_string = !in_string;
    if (in_string) continue;
    if (c == '{' || c == '[') ++depth;
    if (c != '}' && c != ']') continue;
    --depth;
    require(depth > 0 || (depth == 0 && line.find_first_not_of(" \t\r\n", at + 1) == line.npos),
            "a message that ends before its line");
  }
  require(depth == 0, "a message that does not end");
}

// Gives a request another id and token, and reads it back.
void respell(const std::string& line, const Message& message) {
  Params params = message.params;
  std::string storage;
  std::vector<Edit> edits{{message.id, "4711"}};
  if (params.whole) edits.push_back(set_progress_token(params, "4712", storage));
  if (edits.size() == 2 && edits[1].where.offset > edits[0].where.offset) std::swap(edits[0], edits[1]);
  std::string out = line;  // edited from behind, so that the offsets stay right
  for (const Edit& edit : edits) out.replace(edit.where.offset, edit.where.size, edit.with);
  Splicer again;
  const Message read = again.read(PaddedText::in(out));
  require(read.kind == Kind::request && read.method == message.method && read.id.of(out) == "4711",
          "another id");
  if (params.whole) require(read.params.token.of(out) == "4712", "another token");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Splicer splicer;
  std::string line(reinterpret_cast<const char*>(data), size);
  const Message message = splicer.read(PaddedText::in(line));
  holdfast::fuzz::input = line;
  for (const Span& span : {message.id, message.result, message.error}) check(line, span);
  check(line, message.params);
  // In what nobody reads, a backslash may stand outside of a string; readers differ on what it does there.
  const bool plain = line.find('\\') == std::string::npos;
  if (plain && message.kind != Kind::invalid && message.kind != Kind::batch) check_brackets(line);
  if (message.kind == Kind::request) respell(line, message);
  if (message.kind == Kind::batch) {
    if (const auto parts = elements(PaddedText::in(line)))
      for (const std::string_view part : *parts) (void)splicer.read(PaddedText::promised(part));
  }
  if (const auto params = splicer.read_params(PaddedText::in(line))) check(line, *params);
  (void)members(PaddedText::in(line));
  const Skimmed seen = skim(line);
  if (plain && message.kind == Kind::response && message.id && message.id.size <= 100)
    require(seen.id == message.id.of(line) && seen.is_answer(), "the skimmer sees another id");
  return 0;
}
