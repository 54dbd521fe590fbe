#include "gateway/catalog_file.h"

#include <utility>

#include "base/json_depth.h"
#include "base/mutant.h"
#include "mcp/message.h"
#include "mcp/raw_json.h"

namespace holdfast::gateway {
namespace {

constexpr std::string_view kVersion = R"("catalog 1")";

std::unexpected<Error> invalid(std::string_view why) { return fail(Errc::invalid, "catalog", why); }

}  // namespace

bool has_capability(std::string capabilities, std::string_view capability) {
  const auto all = mcp::members(mcp::PaddedText::in(capabilities));
  return all && mcp::member(*all, capability).starts_with('{');
}

std::string write_record(std::string_view identity, const ServerRecord& record) {
  std::string out = R"({"holdfast":)" + std::string(kVersion) + R"(,"identity":)" + mcp::quote(identity);
  out.append(R"(,"capabilities":)").append(record.capabilities);
  out.append(R"(,"instructions":)").append(mcp::quote(record.instructions));
  for (const ListRow& row : list_rows()) {
    const ListingPtr& listing = record.listing(row.kind);
    if (!listing) continue;
    out.append(",\"").append(row.member).append("\":[");
    for (bool comma = false; const Item& item : listing->items) {
      if (std::exchange(comma, true)) out += ',';
      out += item.raw;
    }
    out += ']';
  }
  out += "}\n";
  return out;
}

Result<ServerRecord> read_record(std::string_view identity, std::string text) {
  // Raw JSON goes out in lines: a break between members would be one too many.
  if (!text.ends_with('\n') || text.find('\n') != text.size() - 1 || text.contains('\r'))
    return invalid("not one line");
  text.pop_back();
  if (!mcp::well_formed(text)) return invalid("torn, or no JSON");
  const auto all = mcp::members(mcp::PaddedText::in(text));
  if (!all || mcp::member(*all, "holdfast") != kVersion) return invalid("not of this version");
  const bool its_own = mcp::member(*all, "identity") == mcp::quote(identity);
  if (!its_own && kSwitchedOff != Mechanism::catalog_identity) return invalid("of another server");
  ServerRecord record;
  record.capabilities = mcp::member(*all, "capabilities");
  if (!record.capabilities.starts_with('{') || deeper_than(record.capabilities))
    return invalid("no capabilities");
  record.instructions = mcp::decode_string(mcp::member(*all, "instructions")).value_or("");
  for (const ListRow& row : list_rows()) {
    const std::string_view array = mcp::member(*all, row.member);
    if (array.empty()) continue;
    auto listing = std::make_shared<Listing>();
    if (!add_items(row.kind, identity, array, *listing)) return invalid("a listing that is none");
    record.listing(row.kind) = std::move(listing);
  }
  return record;
}

}  // namespace holdfast::gateway
