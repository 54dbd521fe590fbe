// What a server said of itself and listed last, and the text in which that is kept on disk. Pure.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "base/result.h"
#include "gateway/listing.h"

namespace holdfast::gateway {

struct ServerRecord {
  std::string capabilities = "{}";  // raw JSON object
  std::string instructions;
  std::array<ListingPtr, kListKinds> listings;  // nullptr: not known

  [[nodiscard]] const ListingPtr& listing(ListKind kind) const {
    return listings[static_cast<std::size_t>(kind)];
  }
  [[nodiscard]] ListingPtr& listing(ListKind kind) { return listings[static_cast<std::size_t>(kind)]; }
};

// Of a handshake: whether a server's capabilities (a raw JSON object) name `capability`.
bool has_capability(std::string capabilities, std::string_view capability);

// One line of JSON. `identity` says whose it is, and is asked for again by who reads.
std::string write_record(std::string_view identity, const ServerRecord& record);
// Errors: invalid, with the reason in the subject: torn, of another version, of somebody else.
Result<ServerRecord> read_record(std::string_view identity, std::string text);

}  // namespace holdfast::gateway
