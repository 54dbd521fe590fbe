#include "store/history.h"

#include <SQLiteCpp/SQLiteCpp.h>

#include "base/fnv.h"
#include "base/worker.h"
#include "store/database.h"

namespace holdfast::store {

namespace {

constexpr std::chrono::minutes kDiskPatience{1};

constexpr const char* kRunColumns =
    "SELECT coalesce(r.id, 'occurrence-' || o.id), j.name, coalesce(r.state, o.state), "
    "coalesce(r.error, o.reason, ''), o.trigger, coalesce(r.result, ''), o.at_us, r.started_us, r.ended_us, "
    "r.exit, coalesce(r.log_path, ''), o.count FROM occurrence o JOIN job j ON j.id = o.job_id "
    "LEFT JOIN run r ON r.occurrence_id = o.id ";

RunRow row_of(SQLite::Statement& q) {
  RunRow row;
  row.id = q.getColumn(0).getString();
  row.job = q.getColumn(1).getString();
  row.state = q.getColumn(2).getString();
  row.reason = q.getColumn(3).getString();
  row.trigger = q.getColumn(4).getString();
  row.result = q.getColumn(5).getString();
  row.scheduled_at = from_us(q.getColumn(6).getInt64());
  if (!q.getColumn(7).isNull()) row.started_at = from_us(q.getColumn(7).getInt64());
  if (!q.getColumn(8).isNull()) row.ended_at = from_us(q.getColumn(8).getInt64());
  if (!q.getColumn(9).isNull()) row.exit = q.getColumn(9).getInt();
  row.log_path = q.getColumn(10).getString();
  row.count = q.getColumn(11).getInt();
  return row;
}

std::vector<JobRow> register_in(SQLite::Database& db, const std::vector<JobSpec>& jobs, SystemTime now) {
  std::vector<JobRow> out;
  SQLite::Transaction transaction(db, SQLite::TransactionBehavior::IMMEDIATE);
  SQLite::Statement upsert(
      db,
      "INSERT INTO job(name, source, spec, spec_hash, cursor_us) VALUES(?1,'config',?2,?3,?4) "
      "ON CONFLICT(name) DO UPDATE SET deleted_us = NULL, spec = excluded.spec, spec_hash = "
      "excluded.spec_hash, "
      "cursor_us = CASE WHEN spec_hash = excluded.spec_hash AND deleted_us IS NULL THEN cursor_us ELSE "
      "excluded.cursor_us END "
      "RETURNING id, cursor_us");
  for (const JobSpec& job : jobs) {
    const std::uint64_t hash = fnv1a(job.spec);
    upsert.reset();
    upsert.bind(1, job.name);
    upsert.bind(2, job.spec);
    upsert.bind(3, &hash, static_cast<int>(sizeof hash));
    upsert.bind(4, to_us(now));
    if (!upsert.executeStep()) continue;
    out.push_back({job.name, upsert.getColumn(0).getInt64(), from_us(upsert.getColumn(1).getInt64())});
    upsert.reset();
  }
  SQLite::Statement last(db,
                         std::string(kRunColumns) +
                             "WHERE j.id = ?1 AND r.ended_us IS NOT NULL ORDER BY r.ended_us DESC LIMIT 1");
  for (JobRow& row : out) {
    last.reset();
    last.bind(1, row.id);
    if (last.executeStep()) row.last = row_of(last);
  }
  last.reset();
  std::string named;
  for (const JobRow& row : out) named += (named.empty() ? "" : ",") + std::to_string(row.id);
  SQLite::Statement remove(db,
                           "UPDATE job SET deleted_us = ?1 WHERE deleted_us IS NULL AND id NOT IN (SELECT "
                           "value FROM json_each(?2))");
  remove.bind(1, to_us(now));
  remove.bind(2, "[" + named + "]");
  remove.exec();
  transaction.commit();
  return out;
}

// Beyond the newest `runs` or older than `age`, but never open rows nor the last success and last failure.
void prune(SQLite::Database& db, std::int64_t job, const Retention& keep, SystemTime now) {
  std::vector<std::int64_t> dead;
  SQLite::Statement find(db,
                         "WITH mine AS (SELECT id, at_us, state, row_number() OVER (ORDER BY at_us DESC, id "
                         "DESC) AS n FROM occurrence "
                         "WHERE job_id = ?1) SELECT id FROM mine WHERE (n > ?2 OR at_us < ?3) "
                         "AND state NOT IN ('claimed','queued','running') "
                         "AND id IS NOT (SELECT id FROM mine WHERE state = 'ok' ORDER BY n LIMIT 1) "
                         "AND id IS NOT (SELECT id FROM mine WHERE state IN "
                         "('failed','timeout','unknown','interrupted') ORDER BY n "
                         "LIMIT 1)");
  find.bind(1, job);
  find.bind(2, keep.runs);
  find.bind(3, to_us(now - keep.age));
  while (find.executeStep()) dead.push_back(find.getColumn(0).getInt64());
  SQLite::Statement logs(db, "DELETE FROM run WHERE occurrence_id = ?1 RETURNING coalesce(log_path, '')");
  SQLite::Statement drop(db, "DELETE FROM occurrence WHERE id = ?1");
  for (const std::int64_t id : dead) {
    logs.reset();
    logs.bind(1, id);
    while (logs.executeStep()) {
      std::error_code ignored;
      if (const auto path = logs.getColumn(0).getString(); !path.empty()) {
        std::filesystem::remove(path, ignored);
        std::filesystem::remove(path + ".1", ignored);
      }
    }
    drop.reset();
    drop.bind(1, id);
    drop.exec();
  }
}

// False: there is no such run.
bool finish_in(SQLite::Database& db, const Finish& f, const Retention& keep) {
  SQLite::Transaction transaction(db, SQLite::TransactionBehavior::IMMEDIATE);
  SQLite::Statement run(
      db,
      "UPDATE run SET state = ?2, ended_us = ?3, exit = ?4, error = nullif(?5, ''), result = ?6, "
      "started_us = coalesce(started_us, ?7) "
      "WHERE id = ?1 RETURNING occurrence_id");
  run.bind(1, f.run_id);
  run.bind(2, f.state);
  run.bind(3, to_us(f.ended_at));
  if (f.exit) run.bind(4, *f.exit);
  run.bind(5, f.reason);
  run.bind(6, f.result);
  if (f.started_at) run.bind(7, to_us(*f.started_at));
  if (!run.executeStep()) return false;
  const std::int64_t occurrence = run.getColumn(0).getInt64();
  run.reset();
  SQLite::Statement state(db, "UPDATE occurrence SET state = ?2 WHERE id = ?1 RETURNING job_id");
  state.bind(1, occurrence);
  state.bind(2, f.state);
  const std::int64_t job = state.executeStep() ? state.getColumn(0).getInt64() : 0;
  state.reset();
  prune(db, job, keep, f.ended_at);
  transaction.commit();
  return true;
}

int interrupt_in(SQLite::Database& db, const std::string& owner, SystemTime now) {
  SQLite::Transaction transaction(db, SQLite::TransactionBehavior::IMMEDIATE);
  SQLite::Statement run(
      db,
      "UPDATE run SET state = 'interrupted', ended_us = ?2, error = 'the gateway that ran it ended' "
      "WHERE occurrence_id IN (SELECT id FROM occurrence WHERE state IN "
      "('claimed','queued','running') AND owner IS NOT ?1)");
  run.bind(1, owner);
  run.bind(2, to_us(now));
  run.exec();
  SQLite::Statement occurrence(db,
                               "UPDATE occurrence SET state = 'interrupted' WHERE state IN "
                               "('claimed','queued','running') AND owner IS NOT ?1");
  occurrence.bind(1, owner);
  const int n = occurrence.exec();
  transaction.commit();
  return n;
}

class SqliteHistory final : public History {
 public:
  SqliteHistory(Database database, std::string owner, Retention retention)
      : database_(std::move(database)), owner_(std::move(owner)), retention_(retention) {}

  asio::awaitable<Result<std::vector<JobRow>>> register_jobs(std::vector<JobSpec> jobs,
                                                             SystemTime now) override {
    return on_disk([this, jobs = std::move(jobs), now] {
      return valued<std::vector<JobRow>>("register jobs",
                                         [&](SQLite::Database& db) { return register_in(db, jobs, now); });
    });
  }
  asio::awaitable<Result<std::vector<bool>>> claim(std::vector<ClaimRequest> requests,
                                                   SystemTime now) override {
    return on_disk([this, requests = std::move(requests), now] {
      return claim_batch(database_, owner_, now, requests);
    });
  }
  asio::awaitable<Result<void>> start_run(std::string run_id, SystemTime at) override {
    return on_disk([this, run_id = std::move(run_id), at]() -> Result<void> {
      return guarded("start run", [&] {
        SQLite::Database& db = database_.history();
        SQLite::Transaction transaction(db, SQLite::TransactionBehavior::IMMEDIATE);
        SQLite::Statement run(db, "UPDATE run SET state = 'running', started_us = ?2 WHERE id = ?1");
        run.bind(1, run_id);
        run.bind(2, to_us(at));
        run.exec();
        SQLite::Statement occurrence(db,
                                     "UPDATE occurrence SET state = 'running' WHERE id = (SELECT "
                                     "occurrence_id FROM run WHERE id = ?1)");
        occurrence.bind(1, run_id);
        occurrence.exec();
        transaction.commit();
      });
    });
  }
  asio::awaitable<Result<void>> finish_run(Finish finish) override {
    return on_disk([this, finish = std::move(finish)]() -> Result<void> {
      auto found =
          valued<bool>("finish run", [&](SQLite::Database& db) { return finish_in(db, finish, retention_); });
      if (!found) return forward(found);
      return *found ? Result<void>{} : fail(Errc::not_found, "finish run", finish.run_id);
    });
  }
  asio::awaitable<Result<std::vector<RunRow>>> list(std::string job, int limit) override {
    return on_disk([this, job = std::move(job), limit] {
      return valued<std::vector<RunRow>>("list runs", [&](SQLite::Database& db) {
        SQLite::Statement query(
            db, std::string(kRunColumns) + "WHERE j.name = ?1 ORDER BY o.at_us DESC, o.id DESC LIMIT ?2");
        query.bind(1, job);
        query.bind(2, limit);
        std::vector<RunRow> rows;
        while (query.executeStep()) rows.push_back(row_of(query));
        return rows;
      });
    });
  }
  asio::awaitable<Result<RunRow>> get(std::string run_id) override {
    return on_disk([this, run_id = std::move(run_id)]() -> Result<RunRow> {
      auto found = valued<std::optional<RunRow>>("get run", [&](SQLite::Database& db) {
        SQLite::Statement query(db, std::string(kRunColumns) + "WHERE r.id = ?1");
        query.bind(1, run_id);
        return query.executeStep() ? std::optional(row_of(query)) : std::nullopt;
      });
      if (!found) return forward(found);
      if (!*found) return fail(Errc::not_found, "get run", run_id);
      return std::move(**found);
    });
  }
  asio::awaitable<Result<int>> interrupt_open(SystemTime now) override {
    return on_disk([this, now] {
      return valued<int>("interrupt open runs",
                         [&](SQLite::Database& db) { return interrupt_in(db, owner_, now); });
    });
  }

 private:
  // On the thread that alone touches the database.
  template <class Work>
  asio::awaitable<std::invoke_result_t<Work&>> on_disk(Work work) {
    return disk_.try_run(std::move(work), kDiskPatience);
  }
  template <class T, class Work>
  Result<T> valued(std::string_view op, Work work) {
    T out{};
    auto done = guarded(op, [&] { out = work(database_.history()); });
    if (!done) return forward(done);
    return out;
  }

  Database database_;
  std::string owner_;
  Retention retention_;
  Worker disk_;  // last: it is joined before the database goes
};

}  // namespace

Result<std::unique_ptr<History>> History::open(const std::filesystem::path& file, std::string owner,
                                               Retention retention) {
  auto database = Database::open(file);
  if (!database) return forward(database);
  return std::make_unique<SqliteHistory>(std::move(*database), std::move(owner), retention);
}

}  // namespace holdfast::store
