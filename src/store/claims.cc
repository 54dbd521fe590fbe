#include "store/claims.h"

#include <SQLiteCpp/SQLiteCpp.h>

namespace holdfast::store {

std::int64_t to_us(SystemTime time) {
  return std::chrono::floor<std::chrono::microseconds>(time.time_since_epoch()).count();
}
SystemTime from_us(std::int64_t us) { return SystemTime(std::chrono::microseconds(us)); }

Result<std::vector<bool>> claim_batch(Database& database, const std::string& owner, SystemTime now,
                                      const std::vector<ClaimRequest>& requests) {
  std::vector<bool> ours;
  auto done = guarded("claim", [&] {
    SQLite::Database& db = database.claims();
    SQLite::Transaction transaction(db, SQLite::TransactionBehavior::IMMEDIATE);
    SQLite::Statement insert(db,
                             "INSERT INTO occurrence(job_id, at_us, trigger, state, reason, count, until_us, "
                             "owner, claimed_us) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9) "
                             "ON CONFLICT(job_id, at_us, trigger) DO NOTHING RETURNING id");
    SQLite::Statement run(
        db, "INSERT INTO run(id, occurrence_id, attempt, state, log_path) VALUES(?1,?2,1,?3,?4)");
    SQLite::Statement cursor(db, "UPDATE job SET cursor_us = max(cursor_us, ?2) WHERE id = ?1");
    for (const ClaimRequest& request : requests) {
      insert.reset();
      insert.clearBindings();
      insert.bind(1, request.job_id);
      insert.bind(2, to_us(request.at));
      insert.bind(3, request.trigger);
      insert.bind(4, request.state);
      if (!request.reason.empty()) insert.bind(5, request.reason);
      insert.bind(6, request.count);
      if (request.until) insert.bind(7, to_us(*request.until));
      insert.bind(8, owner);
      insert.bind(9, to_us(now));
      const bool mine = insert.executeStep();
      const std::int64_t id = mine ? insert.getColumn(0).getInt64() : 0;
      insert.reset();
      ours.push_back(mine);
      if (mine && !request.run_id.empty()) {
        run.reset();
        run.bind(1, request.run_id);
        run.bind(2, id);
        run.bind(3, request.state);
        run.bind(4, request.log_path);
        run.exec();
      }
      if (!request.trigger.starts_with("schedule")) continue;  // a run now leaves the cursor alone
      cursor.reset();
      cursor.bind(1, request.job_id);
      cursor.bind(2, to_us(request.until.value_or(request.at)));
      cursor.exec();
    }
    transaction.commit();
  });
  if (!done) return forward(done);
  return ours;
}

}  // namespace holdfast::store
