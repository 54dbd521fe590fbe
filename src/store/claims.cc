#include "store/claims.h"

#include <SQLiteCpp/SQLiteCpp.h>

namespace holdfast::store {

std::int64_t to_us(SystemTime time) {
  return std::chrono::floor<std::chrono::microseconds>(time.time_since_epoch()).count();
}
SystemTime from_us(std::int64_t us) { return SystemTime(std::chrono::microseconds(us)); }

namespace {

// The statements of one batch, inside its transaction.
class Claims {
 public:
  Claims(SQLite::Database& db, const std::string& owner, SystemTime now)
      : db_(db), owner_(owner), now_(now) {}

  // True: nobody had the occurrence, and it is ours now.
  bool insert(const ClaimRequest& request) {
    insert_.reset();
    insert_.clearBindings();
    insert_.bind(1, request.job_id);
    insert_.bind(2, to_us(request.at));
    insert_.bind(3, request.trigger);
    insert_.bind(4, request.state);
    if (!request.reason.empty()) insert_.bind(5, request.reason);
    insert_.bind(6, request.count);
    if (request.until) insert_.bind(7, to_us(*request.until));
    insert_.bind(8, owner_);
    insert_.bind(9, to_us(now_));
    const bool mine = insert_.executeStep();
    occurrence_ = mine ? insert_.getColumn(0).getInt64() : 0;
    insert_.reset();
    return mine;
  }

  // For the occurrence inserted last.
  void add_run(const ClaimRequest& request) {
    SQLite::Statement run(
        db_, "INSERT INTO run(id, occurrence_id, attempt, state, log_path) VALUES(?1,?2,1,?3,?4)");
    run.bind(1, request.run_id);
    run.bind(2, occurrence_);
    run.bind(3, request.state);
    run.bind(4, request.log_path);
    run.exec();
  }

  void withdraw(const ClaimRequest& request) {
    SQLite::Statement run(db_,
                          "UPDATE run SET state = ?2, error = ?3, ended_us = ?4 "
                          "WHERE id = ?1 AND state = 'queued' RETURNING occurrence_id");
    run.bind(1, request.run_id);
    run.bind(2, request.state);
    run.bind(3, request.reason);
    run.bind(4, to_us(now_));
    if (!run.executeStep()) return;
    SQLite::Statement occurrence(db_, "UPDATE occurrence SET state = ?2, reason = ?3 WHERE id = ?1");
    occurrence.bind(1, run.getColumn(0).getInt64());
    occurrence.bind(2, request.state);
    occurrence.bind(3, request.reason);
    occurrence.exec();
  }

  void move_cursor(const ClaimRequest& request) {
    SQLite::Statement cursor(db_, "UPDATE job SET cursor_us = max(cursor_us, ?2) WHERE id = ?1");
    cursor.bind(1, request.job_id);
    cursor.bind(2, to_us(request.until.value_or(request.at)));
    cursor.exec();
  }

 private:
  SQLite::Database& db_;
  const std::string& owner_;
  SystemTime now_;
  std::int64_t occurrence_ = 0;
  SQLite::Statement insert_{
      db_,
      "INSERT INTO occurrence(job_id, at_us, trigger, state, reason, count, until_us, owner, claimed_us) "
      "VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9) ON CONFLICT(job_id, at_us, trigger) DO NOTHING RETURNING id"};
};

}  // namespace

Result<std::vector<bool>> claim_batch(Database& database, const std::string& owner, SystemTime now,
                                      const std::vector<ClaimRequest>& requests) {
  std::vector<bool> ours;
  auto done = guarded("claim", [&] {
    SQLite::Database& db = database.claims();
    SQLite::Transaction transaction(db, SQLite::TransactionBehavior::IMMEDIATE);
    Claims claims(db, owner, now);
    for (const ClaimRequest& request : requests) {
      const bool mine = claims.insert(request);
      const bool runs = request.state == "queued";
      if (!request.run_id.empty() && mine && runs) claims.add_run(request);
      if (!request.run_id.empty() && !mine && !runs) claims.withdraw(request);
      // A run now leaves the cursor alone.
      if (request.trigger.starts_with("schedule")) claims.move_cursor(request);
      ours.push_back(mine);
    }
    transaction.commit();
  });
  if (!done) return forward(done);
  return ours;
}

}  // namespace holdfast::store
