// What servers list, as the bytes that came (but for line breaks between members, which become blanks): read
// page by page, merged, and shown in pages of our own. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "mcp/splice.h"

namespace holdfast::gateway {

enum class ListKind { tools, prompts, resources, templates };
inline constexpr std::size_t kListKinds = 4;

// What differs between the four.
struct ListRow {
  ListKind kind;
  std::string_view method;      // "tools/list"
  std::string_view member;      // of its result
  std::string_view capability;  // without it a server is not asked
  std::string_view key;         // the member by which an item is told from others
  std::string_view changed;     // the notification
  bool renamed;                 // shown under a name of ours; what a URI names, it names for everybody
};
const std::array<ListRow, kListKinds>& list_rows();
const ListRow& row_of(ListKind kind);
const ListRow* find_list(std::string_view method);

// Of one server's listing: one that goes beyond is broken, or means us harm.
inline constexpr std::size_t kMostItems = 10'000;
inline constexpr std::size_t kMostListedBytes = 16U << 20;

struct Item {
  std::string key;  // decoded
  std::string raw;  // the whole object
  mcp::Span where;  // of the key's value in `raw`, with its quotes
  bool operator==(const Item& other) const { return raw == other.raw; }
};
struct Listing {
  std::vector<Item> items;
  std::size_t bytes = 0;
  bool operator==(const Listing&) const = default;
};
using ListingPtr = std::shared_ptr<const Listing>;

// Appends the elements of a JSON array. An item without a key, or which a reader could stumble over (nested
// too deep, no JSON in its depth), is left out and logged: it must not cost the others' items. Errors:
// protocol (no array, more than the bounds above).
Result<void> add_items(ListKind kind, std::string_view server, std::string_view padded_array,
                       Listing& listing);

// The same of the result of one page; the cursor of the next as raw JSON, empty at the end.
Result<std::string> add_page(ListKind kind, std::string_view server, std::string& result, Listing& listing);

struct Source {
  std::string_view server;
  ListingPtr listing;
};
struct Shown {
  std::string name;  // as clients see it: of ours, or the URI
  std::string_view server;
  const Item* item = nullptr;
};
// In the order of `sources`, then of each server. What has a name that came before is left out: who asks for
// it gets the first one's, so a second entry would show what cannot be had. Refers to `sources`.
std::vector<Shown> merge(ListKind kind, const std::vector<Source>& sources);

struct PageLimits {
  std::size_t items = 500, bytes = 4U << 20;
};
// The result of a listing as raw JSON: the page behind `cursor` (raw JSON, empty: the first), each item as it
// came but for its name; `unavailable` (server to reason) goes into its _meta. nullopt: no such cursor.
std::optional<std::string> write_page(ListKind kind, const std::vector<Shown>& all, std::string_view cursor,
                                      const std::map<std::string, std::string>& unavailable,
                                      PageLimits limits);

}  // namespace holdfast::gateway
