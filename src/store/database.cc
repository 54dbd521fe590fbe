#include "store/database.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <sqlite3.h>

#include <array>
#include <string>

#include "os/descriptors.h"

namespace holdfast::store {

namespace {

// Step n brings a database from version n to n + 1; never edited once released, only added to.
constexpr std::array<const char*, kSchemaVersion> kMigrations{R"sql(
CREATE TABLE job(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, source TEXT NOT NULL, spec TEXT NOT NULL,
  spec_hash BLOB NOT NULL, cursor_us INTEGER NOT NULL, clock_gen INTEGER NOT NULL DEFAULT 0,
  paused_until_us INTEGER, pause_reason TEXT, deleted_us INTEGER) STRICT;
CREATE TABLE occurrence(id INTEGER PRIMARY KEY, job_id INTEGER NOT NULL REFERENCES job(id),
  at_us INTEGER NOT NULL, trigger TEXT NOT NULL, state TEXT NOT NULL, reason TEXT,
  count INTEGER NOT NULL DEFAULT 1, until_us INTEGER, owner TEXT, claimed_us INTEGER, tzdb TEXT,
  UNIQUE(job_id, at_us, trigger)) STRICT;
CREATE TABLE run(id TEXT PRIMARY KEY, occurrence_id INTEGER NOT NULL REFERENCES occurrence(id),
  attempt INTEGER NOT NULL, state TEXT NOT NULL, started_us INTEGER, ended_us INTEGER, exit INTEGER,
  error TEXT, result TEXT, log_path TEXT, UNIQUE(occurrence_id, attempt)) STRICT;
CREATE INDEX occurrence_open ON occurrence(state) WHERE state IN ('claimed','queued','running');
CREATE INDEX occurrence_job ON occurrence(job_id, at_us DESC);
)sql"};

// In the kernel's words where there are such, so that one piece of advice serves every file.
std::error_code code_of(int code) {
  switch (code) {
    case SQLITE_FULL:
      return {ENOSPC, std::system_category()};
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
      return {EACCES, std::system_category()};
    case SQLITE_IOERR:
      return {EIO, std::system_category()};
    case SQLITE_BUSY:
      return make_error_code(Errc::limit);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return make_error_code(Errc::invalid);
    default:
      return make_error_code(Errc::protocol);
  }
}

Error error_of(std::string_view op, const SQLite::Exception& e) {
  return Error{code_of(e.getErrorCode() & 0xFF), op, e.what()};
}

std::unique_ptr<SQLite::Database> connect(const std::filesystem::path& file, const char* synchronous) {
  auto db =
      std::make_unique<SQLite::Database>(file.native(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE, 5000);
  db->exec("PRAGMA journal_mode=WAL; PRAGMA foreign_keys=ON;");
  db->exec(std::string("PRAGMA synchronous=") + synchronous);
  return db;
}

// What kept the file from being opened. SQLite says the same of a lack of descriptors as of a lack of rights,
// and has closed what it had: so it is looked whether there are as many as it takes.
std::error_code cause_of(const Error& error) {
  constexpr int kTakes = 8;  // two connections, each with a file, its journal, their index and a directory
  if (!error.is_errno(EACCES)) return error.code;
  const auto enough = os::can_open(kTakes);
  return enough ? error.code : enough.error().code;
}

void migrate(SQLite::Database& db, int from) {
  for (int version = from; version < kSchemaVersion; ++version) {
    SQLite::Transaction transaction(db, SQLite::TransactionBehavior::IMMEDIATE);
    db.exec(kMigrations[static_cast<std::size_t>(version)]);
    db.exec("PRAGMA user_version=" + std::to_string(version + 1));
    transaction.commit();
  }
}

}  // namespace

Database::Database() = default;
Database::~Database() = default;
Database::Database(Database&&) noexcept = default;
Database& Database::operator=(Database&&) noexcept = default;

Result<Database> Database::open(const std::filesystem::path& file) {
  Database out;
  int version = 0;
  auto opened = guarded("open database", [&] {
    out.claims_ = connect(file, "FULL");
    version = out.claims_->execAndGet("PRAGMA user_version").getInt();
    if (version > kSchemaVersion) return;
    migrate(*out.claims_, version);
    out.history_ = connect(file, "NORMAL");
  });
  if (!opened)
    return std::unexpected(
        Error{cause_of(opened.error()), opened.error().op,
              std::string_view(file.native() + ": " + std::string(opened.error().subject.view()))});
  if (version > kSchemaVersion)
    return fail(Errc::refused, "open database",
                file.native() + " was written by a newer version of holdfast (schema " +
                    std::to_string(version) + ", this one knows " + std::to_string(kSchemaVersion) + ")");
  return out;
}

Result<void> guarded(std::string_view op, const std::function<void()>& work) {
  try {
    work();
    return {};
  } catch (const SQLite::Exception& e) {
    return std::unexpected(error_of(op, e));
  } catch (const std::exception& e) {
    return fail(Errc::protocol, op, e.what());
  }
}

}  // namespace holdfast::store
