// Whatever a server lists: what is shown of it is JSON, with each item's own bytes but for its name, and
// pages come to an end.
#include <string>
#include <vector>

#include "base/log.h"
#include "fuzz.h"
#include "gateway/listing.h"
#include "gateway/names.h"
#include "mcp/message.h"
#include "mcp/raw_json.h"

namespace {

using namespace holdfast;
using namespace holdfast::gateway;
using holdfast::fuzz::require;

void check(const Shown& shown, std::string_view raw) {
  const auto all = mcp::members(mcp::PaddedText::promised(raw));
  require(all.has_value(), "an item that is no object");
  const std::string_view name = mcp::member(*all, "name");
  require(mcp::decode_string(name).value_or("?") == shown.name, "another name than was shown");
  std::string back(raw);
  back.replace(static_cast<std::size_t>(name.data() - raw.data()), name.size(),
               shown.item->where.of(shown.item->raw));
  require(back == shown.item->raw, "more than the name was changed");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // What is left out is logged, and here that would be all there is to read.
  log::configure(log::Level::error, log::Format::text);
  std::string result(reinterpret_cast<const char*>(data), size);
  holdfast::fuzz::input = result;
  auto listing = std::make_shared<Listing>();
  const auto next = add_page(ListKind::tools, "s", result, *listing);
  if (!next) return 0;
  require(next->empty() || mcp::well_formed(*next), "a cursor that is no JSON");
  const std::vector<Source> sources{{"s", listing}};
  const auto all = merge(ListKind::tools, sources);
  std::string cursor;
  std::size_t given = 0;
  do {
    auto page = write_page(ListKind::tools, all, cursor, {{"x", "y"}}, {.items = 2, .bytes = 1U << 20});
    require(page.has_value() && mcp::well_formed(*page), "a page that is no JSON");
    const auto members = mcp::members(mcp::PaddedText::in(*page));
    const auto items = mcp::elements(mcp::PaddedText::promised(mcp::member(*members, "tools")));
    require(items.has_value() && (!items->empty() || all.empty()), "a page without items");
    for (const std::string_view raw : *items) check(all.at(given++), raw);
    cursor = mcp::member(*members, "nextCursor");
  } while (!cursor.empty());
  require(given == all.size(), "items that no page has");
  return 0;
}
