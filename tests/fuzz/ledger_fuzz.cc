// Whatever stands in the ledger's directory: an entry that is accepted is one that the writer could have
// made, since writing it and reading it again gives the same; what a writer makes comes back; no torn one is
// accepted.
#include <algorithm>
#include <string>

#include "custody/ledger.h"
#include "fuzz.h"

namespace {

using namespace holdfast::custody;
using holdfast::fuzz::require;

void check_accepted(const LedgerEntry& entry) {
  const auto again = decode(encode(entry));
  require(again && *again == entry, "an entry that no writer makes");
  require(!entry.id.empty() && entry.id.find('/') == std::string::npos, "an id that is no file name");
  require(entry.leaf.empty() || entry.leaf.front() == '/', "a leaf below wherever we stand");
  require(entry.gateway.pid >= 0 && entry.keeper.pid >= 0 && entry.leader.pid >= 0, "a process group");
  require(entry.lost + entry.patience <= 2 * std::chrono::days(3650), "a wait without end");
}

// An entry as the custodian makes them, with names and numbers out of `text`.
LedgerEntry made_of(std::string_view text) {
  const auto pieces = holdfast::fuzz::split(text, '\n');
  const auto piece = [&](std::size_t i) { return i < pieces.size() ? pieces[i] : std::string_view(); };
  const auto number = [&](std::size_t i) {
    std::uint64_t value = 0;
    for (const char c : piece(i)) value = value * 257 + static_cast<unsigned char>(c);
    return value;
  };
  const auto pid = [&](std::size_t i) { return static_cast<pid_t>(number(i) % 0x7fffffff); };
  LedgerEntry entry;
  entry.id = "t-" + std::to_string(number(0));
  entry.name = text;  // people's: anything
  entry.boot_id = "7d9f4a44-0000-0000-0000-000000000000";
  entry.gateway_id = std::to_string(number(1));
  entry.generation = std::to_string(number(2));
  entry.gateway = {.pid = pid(3), .start_ticks = number(4), .handle = number(5)};
  if (number(6) % 2 == 1) entry.leaf = "/" + std::string(text);
  entry.tag = entry.gateway_id + "/" + entry.id;
  entry.uid = static_cast<uid_t>(number(7));
  entry.lost = holdfast::milliseconds(number(8) % 1'000'000);
  entry.patience = holdfast::milliseconds(number(9) % 1'000'000);
  if (number(10) % 2 == 0) return entry;
  entry.keeper = {.pid = pid(3) / 2 + 1, .start_ticks = number(5), .handle = number(4)};
  entry.leader = {.pid = pid(4), .start_ticks = number(1), .handle = 0};
  entry.leaf_id = number(2);
  entry.session = pid(4);
  return entry;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  holdfast::fuzz::input = text;
  const auto entry = decode(text);
  if (entry) check_accepted(*entry);
  require(entry || !entry.error().message().empty(), "a refusal without a reason");

  const LedgerEntry made = made_of(text);
  const std::string written = encode(made);
  const auto read = decode(written);
  require(read && *read == made, "what was written does not come back");
  check_accepted(*read);
  for (std::size_t end = 0; end < written.size(); end += 1 + written.size() / 16)
    require(!decode(std::string_view(written).substr(0, end)), "a torn entry");
  return 0;
}
