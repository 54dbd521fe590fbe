// The catalogue: what each server listed last, in memory and on disk, so that a listing needs no start.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <compare>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/task_group.h"
#include "base/worker.h"
#include "config/config.h"
#include "gateway/catalog_file.h"

namespace holdfast::gateway {

// Whose listing it is: an entry of the configuration, as told to a client of one kind. A server may list more
// to who can do more (mcp: capabilities), and an entry that changed is another server.
struct CatalogKey {
  std::string server;
  std::uint64_t entry = 0, profile = 0;
  auto operator<=>(const CatalogKey&) const = default;
};

// Of an entry: whatever makes the server list something else, or makes it another one.
std::uint64_t listing_identity(const config::Server& entry);

struct CatalogLimits {
  std::size_t records = 256;          // in memory beyond those in use, and on disk
  std::size_t file_bytes = 4U << 20;  // a longer one is kept in memory only
  std::chrono::milliseconds patience{
      2'000};  // for the disk; one that let us wait is not asked again for 30 s
};

using RecordPtr = std::shared_ptr<const ServerRecord>;

// Loop thread only; the disk is a worker's.
class Catalog {
 public:
  // Who showed something of it, and wants to hear that it is another now. Must not block.
  class Reader {
   public:
    virtual ~Reader() = default;
    virtual void remembered(const CatalogKey& key, const RecordPtr& record) = 0;
    // Entries were added, removed or changed.
    virtual void servers_changed() = 0;
  };

  // Without a directory (which is made if need be) it remembers in memory only.
  explicit Catalog(std::filesystem::path dir = {}, CatalogLimits limits = {});

  // nullptr: nothing is known, or the disk did not answer in time. What is on disk and cannot be read is
  // logged, and written anew by the next remember().
  asio::awaitable<RecordPtr> recall(CatalogKey key);
  // Every reader hears of it if it differs from what was known; the disk gets it behind the caller's back.
  void remember(const CatalogKey& key, ServerRecord record);

  void read_by(std::weak_ptr<Reader> reader);
  void servers_changed();
  // For tests: until the disk has what was remembered before.
  asio::awaitable<Result<void>> settled();

 private:
  struct Known {
    RecordPtr record;
    std::uint64_t used = 0;
  };
  void keep(const CatalogKey& key, RecordPtr record);
  void forget_the_eldest();
  void write(const CatalogKey& key, const ServerRecord& record);
  template <class Tell>
  void tell(Tell told);

  const std::filesystem::path dir_;
  const CatalogLimits limits_;
  std::shared_ptr<Worker> disk_;
  std::map<CatalogKey, Known> known_;
  std::uint64_t uses_ = 0;
  std::chrono::steady_clock::time_point disk_again_at_{};
  std::vector<std::weak_ptr<Reader>> readers_;
};

}  // namespace holdfast::gateway
