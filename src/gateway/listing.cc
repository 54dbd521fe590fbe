#include "gateway/listing.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "base/fnv.h"
#include "base/json_depth.h"
#include "base/log.h"
#include "gateway/names.h"
#include "mcp/message.h"
#include "mcp/raw_json.h"

namespace holdfast::gateway {
namespace {

constexpr std::array<ListRow, kListKinds> kRows{{
    {ListKind::tools, "tools/list", "tools", "tools", "name", "notifications/tools/list_changed", true},
    {ListKind::prompts, "prompts/list", "prompts", "prompts", "name", "notifications/prompts/list_changed",
     true},
    {ListKind::resources, "resources/list", "resources", "resources", "uri",
     "notifications/resources/list_changed", false},
    {ListKind::templates, "resources/templates/list", "resourceTemplates", "resources", "uriTemplate",
     "notifications/resources/list_changed", false},
}};

std::unexpected<Error> broken(ListKind kind, std::string_view why) {
  return fail(Errc::protocol, row_of(kind).method, why);
}

std::optional<Item> read_item(ListKind kind, std::string_view raw) {
  if (deeper_than(raw) || !mcp::well_formed(raw)) return std::nullopt;
  Item item;
  item.raw = raw;
  // Between its members, since a string holds none: a message goes out as one line.
  std::ranges::replace_if(item.raw, [](char c) { return c == '\n' || c == '\r'; }, ' ');
  const auto all = mcp::members(mcp::PaddedText::in(item.raw));
  if (!all) return std::nullopt;
  const std::string_view value = mcp::member(*all, row_of(kind).key);
  auto key = mcp::decode_string(value);
  if (!key) return std::nullopt;
  item.key = *std::move(key);
  item.where = {static_cast<std::size_t>(value.data() - item.raw.data()), value.size()};
  return item;
}

// Which place it marks, without showing it: the last item that was given.
std::string cursor_behind(ListKind kind, const Shown& last) {
  return std::to_string(fnv1a_part(last.name, fnv1a_part(row_of(kind).method)));
}

std::optional<std::size_t> place_of(ListKind kind, const std::vector<Shown>& all, std::string_view cursor) {
  if (cursor.empty()) return 0;
  const auto text = mcp::decode_string(cursor);
  if (!text) return std::nullopt;
  const auto last =
      std::ranges::find_if(all, [&](const Shown& shown) { return cursor_behind(kind, shown) == *text; });
  if (last == all.end()) return std::nullopt;
  return static_cast<std::size_t>(last - all.begin()) + 1;
}

void append_item(std::string& out, const ListRow& row, const Shown& shown) {
  const std::string& raw = shown.item->raw;
  const mcp::Span& where = shown.item->where;
  if (!row.renamed) {
    out += raw;
    return;
  }
  out.append(raw, 0, where.offset).append(mcp::quote(shown.name)).append(raw, where.offset + where.size);
}

}  // namespace

const std::array<ListRow, kListKinds>& list_rows() { return kRows; }
const ListRow& row_of(ListKind kind) { return kRows[static_cast<std::size_t>(kind)]; }
const ListRow* find_list(std::string_view method) {
  const auto found = std::ranges::find(kRows, method, &ListRow::method);
  return found == kRows.end() ? nullptr : &*found;
}

Result<void> add_items(ListKind kind, std::string_view server, std::string_view padded_array,
                       Listing& listing) {
  const auto list = mcp::elements(mcp::PaddedText::promised(padded_array), kMostItems - listing.items.size());
  if (!list && list.error().is(Errc::limit))
    return broken(kind, "it lists more than " + std::to_string(kMostItems));
  if (!list) return broken(kind, "the result has no " + std::string(row_of(kind).member));
  for (const std::string_view raw : *list) {
    auto item = read_item(kind, raw);
    if (!item) {
      log::warn("mcp.item_left_out",
                {{"server", server}, {"list", row_of(kind).method}, {"item", raw.substr(0, 120)}});
      continue;
    }
    listing.bytes += item->raw.size();
    if (listing.bytes > kMostListedBytes)
      return broken(kind, "the listing is longer than " + std::to_string(kMostListedBytes >> 20) + " MiB");
    listing.items.push_back(*std::move(item));
  }
  return {};
}

Result<std::string> add_page(ListKind kind, std::string_view server, std::string& result, Listing& listing) {
  const auto all = mcp::members(mcp::PaddedText::in(result));
  if (!all) return broken(kind, "malformed result");
  if (auto added = add_items(kind, server, mcp::member(*all, row_of(kind).member), listing); !added)
    return forward(added);
  // Servers of the stateful revisions end a listing with an absent, a null or an empty cursor.
  const std::string_view cursor = mcp::member(*all, "nextCursor");
  if (!cursor.empty() && (!cursor.starts_with('"') || !mcp::well_formed(cursor)) && cursor != "null")
    return broken(kind, "the next cursor is no string");
  return std::string(cursor == "null" || cursor == "\"\"" ? std::string_view() : cursor);
}

std::vector<Shown> merge(ListKind kind, const std::vector<Source>& sources) {
  std::vector<Shown> all;
  std::unordered_set<std::string> seen;
  for (const Source& source : sources) {
    if (!source.listing) continue;
    for (const Item& item : source.listing->items) {
      std::string name = row_of(kind).renamed ? shown_name(source.server, item.key) : item.key;
      if (seen.insert(name).second) all.push_back({std::move(name), source.server, &item});
    }
  }
  return all;
}

std::optional<std::string> write_page(ListKind kind, const std::vector<Shown>& all, std::string_view cursor,
                                      const std::map<std::string, std::string>& unavailable,
                                      PageLimits limits) {
  const auto first = place_of(kind, all, cursor);
  if (!first) return std::nullopt;
  const ListRow& row = row_of(kind);
  std::string out = "{\"" + std::string(row.member) + "\":[";
  std::size_t at = *first;
  for (; at < all.size() && at - *first < limits.items && (at == *first || out.size() < limits.bytes); ++at) {
    if (at > *first) out += ',';
    append_item(out, row, all[at]);
  }
  out += ']';
  if (at < all.size() && at > *first)
    out.append(",\"nextCursor\":").append(mcp::quote(cursor_behind(kind, all[at - 1])));
  if (!unavailable.empty()) {
    out += R"(,"_meta":{"holdfast/unavailable":{)";
    for (bool comma = false; const auto& [server, reason] : unavailable) {
      if (std::exchange(comma, true)) out += ',';
      out.append(mcp::quote(server)).append(":").append(mcp::quote(reason));
    }
    out += "}}";
  }
  out += '}';
  return out;
}

}  // namespace holdfast::gateway
