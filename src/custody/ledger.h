// The record of every tree not yet proven gone: one small text file per tree. Written, never synced: it must
// outlive processes, not the power.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "custody/identity.h"
#include "custody/types.h"

namespace holdfast::custody {

// The intent is complete before anything exists; the identity is filled in when the server runs.
struct LedgerEntry {
  // intent
  std::string id, name;
  std::string boot_id;
  std::string gateway_id, generation;  // whose, and which life of it
  Identity gateway;                    // the process of that life
  std::string leaf;                    // absolute path; empty on rung tree
  std::string tag;                     // value of HOLDFAST_TREE
  uid_t uid = 0;
  milliseconds lost{0}, patience{0};  // how long its keeper may take once the gateway is gone
  // identity
  Identity keeper, leader;
  std::uint64_t leaf_id = 0;
  pid_t session = 0;

  [[nodiscard]] bool identified() const { return keeper.pid > 0; }
  bool operator==(const LedgerEntry&) const = default;
};

// The text of an entry, and back. Errc::invalid names what is wrong: torn, unknown version, missing or broken
// value.
std::string encode(const LedgerEntry& entry);
Result<LedgerEntry> decode(std::string_view text);

class Ledger {
 public:
  // `directory` is made if need be (0700).
  static Result<Ledger> open(std::filesystem::path directory);

  // Replaces the entry of that id: a temporary name, then rename. On error the old entry stands and nothing
  // is left behind.
  Result<void> write(const LedgerEntry& entry) const;
  // The tree is proven gone.
  Result<void> remove(std::string_view id) const;

  struct Contents {
    std::vector<LedgerEntry> entries;
    std::vector<std::string> garbage;  // "FILE: what is wrong"; the files are kept as FILE.bad, never trusted
    std::vector<std::string> unread;   // "FILE: why": the disk or a shortage; they stay for the next load
  };
  // All entries; what is none is set aside. Unfinished temporary files are removed.
  [[nodiscard]] Result<Contents> load() const;
  // The gateway id that all legible entries agree on; nothing: there is none, or they do not. Changes
  // nothing.
  [[nodiscard]] std::optional<std::string> owner() const;

  [[nodiscard]] const std::filesystem::path& directory() const { return directory_; }

 private:
  explicit Ledger(std::filesystem::path directory) : directory_(std::move(directory)) {}
  std::filesystem::path directory_;
};

}  // namespace holdfast::custody
