// The database file: opened, brought up to date, or refused with a reason. SQLite stays inside this room.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>

#include "base/result.h"

namespace SQLite {
class Database;
}

namespace holdfast::store {

inline constexpr int kSchemaVersion = 1;

// Used by one thread at a time.
class Database {
 public:
  // Creates the file if need be. Errors: refused (made by a newer version), invalid (not a database, or
  // damaged), ENOSPC, EACCES (read-only, or it cannot be opened), EMFILE, ENFILE, EIO, or what else the disk
  // said.
  static Result<Database> open(const std::filesystem::path& file);
  ~Database();
  Database(Database&&) noexcept;
  Database& operator=(Database&&) noexcept;

  // Two connections: claims must survive a power cut (synchronous=FULL), history need not (NORMAL).
  [[nodiscard]] SQLite::Database& claims() { return *claims_; }
  [[nodiscard]] SQLite::Database& history() { return *history_; }

 private:
  Database();
  std::unique_ptr<SQLite::Database> claims_, history_;
};

// Runs `work`, turning what SQLite throws into an error.
Result<void> guarded(std::string_view op, const std::function<void()>& work);

}  // namespace holdfast::store
