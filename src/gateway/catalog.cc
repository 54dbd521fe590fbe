#include "gateway/catalog.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "base/fnv.h"
#include "base/log.h"
#include "base/mutant.h"
#include "os/regular_file.h"
#include "os/text_file.h"

namespace holdfast::gateway {

namespace fs = std::filesystem;
using std::chrono::steady_clock;

namespace {

constexpr std::size_t kMostWaitingJobs = 256;
constexpr std::chrono::seconds kDiskRests{30};
constexpr std::string_view kSuffix = ".json";

std::string identity_of(const CatalogKey& key) {
  return key.server + ' ' + std::to_string(key.entry) + ' ' + std::to_string(key.profile);
}

fs::path file_of(const fs::path& dir, const CatalogKey& key) {
  return dir / (std::to_string(fnv1a(identity_of(key))).append(kSuffix));
}

// On the disk's thread, as all that follows.
Result<std::string> read_whole(const fs::path& path, std::size_t most) {
  std::error_code ec;
  const auto size = fs::file_size(path, ec);
  if (ec) return sys_error("stat", path.native(), ec.value());
  if (size > most) return fail(Errc::invalid, "catalog", "far too long");
  std::string text(most + 1, '\0');
  auto read = os::read_regular_file(path.c_str(), text);
  if (!read) return forward(read);
  if (*read > most) return fail(Errc::invalid, "catalog", "far too long");
  text.resize(*read);
  text.shrink_to_fit();
  return text;
}

Result<ServerRecord> load(const fs::path& path, const std::string& identity, std::size_t most) {
  if (kSwitchedOff == Mechanism::catalog_on_disk) return fail(Errc::not_found, "catalog", identity);
  auto text = read_whole(path, most);
  if (!text) return forward(text);
  return read_record(identity, *std::move(text));
}

// What nobody wrote for longest goes first: entries that have changed since, and clients that came once.
void leave_at_most(const fs::path& dir, std::size_t files) {
  std::vector<std::pair<fs::file_time_type, fs::path>> all;
  std::error_code ec;
  for (fs::directory_iterator at(dir, ec), end; !ec && at != end; at.increment(ec)) {
    std::error_code gone;
    if (const auto written = at->last_write_time(gone); !gone) all.emplace_back(written, at->path());
  }
  if (all.size() <= files) return;
  std::ranges::sort(all);
  all.resize(all.size() - files);
  for (const auto& [written, path] : all) fs::remove(path, ec);
}

void store(const fs::path& dir, const fs::path& path, const std::string& text, std::size_t files) {
  std::error_code ec;
  if (fs::create_directories(dir, ec)) fs::permissions(dir, fs::perms::owner_all, ec);
  const fs::path aside = path.native() + ".new";
  auto written = os::write_file(aside, text);
  if (written) {
    fs::rename(aside, path, ec);
    if (ec) written = sys_error("rename", path.native(), ec.value());
  }
  if (!written) {
    log::warn("catalog.not_written", {{"error", written.error().message()}});
    fs::remove(aside, ec);
  }
  leave_at_most(dir, files);
}

}  // namespace

std::uint64_t listing_identity(const config::Server& entry) {
  std::uint64_t hash = kFnvBasis;
  const auto add = [&hash](std::string_view text) { hash = fnv1a_part(text, hash); };
  const auto add_all = [&](const auto& texts) {
    add(std::to_string(texts.size()));
    for (const auto& text : texts) add(text);
  };
  const auto add_pairs = [&](const auto& pairs) {
    add(std::to_string(pairs.size()));
    for (const auto& [name, value] : pairs) add(name), add(value);
  };
  add(entry.command);
  add_all(entry.args);
  add_pairs(entry.env);
  add(entry.cwd);
  add(entry.url);
  add_pairs(entry.headers);
  add_all(entry.tools_include);
  add_all(entry.tools_exclude);
  return hash;
}

Catalog::Catalog(fs::path dir, CatalogLimits limits) : dir_(std::move(dir)), limits_(limits) {
  if (!dir_.empty()) disk_ = std::make_shared<Worker>(kMostWaitingJobs);
}

asio::awaitable<RecordPtr> Catalog::recall(CatalogKey key) {
  if (const auto it = known_.find(key); it != known_.end()) {
    it->second.used = ++uses_;
    co_return it->second.record;
  }
  if (!disk_ || steady_clock::now() < disk_again_at_) co_return nullptr;
  const auto path = file_of(dir_, key);
  auto read = co_await disk_->try_run(
      [path, identity = identity_of(key), most = limits_.file_bytes] { return load(path, identity, most); },
      limits_.patience);
  // Somebody may have asked the server meanwhile, or read the same.
  if (const auto it = known_.find(key); it != known_.end()) co_return it->second.record;
  if (!read) {
    if (read.error().is(Errc::timeout)) disk_again_at_ = steady_clock::now() + kDiskRests;
    if (!read.error().is_errno(ENOENT))
      log::warn("catalog.unreadable",
                {{"server", key.server}, {"file", path.native()}, {"reason", read.error().message()}});
    co_return nullptr;
  }
  auto record = std::make_shared<const ServerRecord>(*std::move(read));
  keep(key, record);
  co_return record;
}

void Catalog::remember(const CatalogKey& key, ServerRecord record) {
  const auto it = known_.find(key);
  const auto same = [](const ListingPtr& a, const ListingPtr& b) { return a == b || (a && b && *a == *b); };
  if (it != known_.end()) {
    const ServerRecord& before = *it->second.record;
    if (before.capabilities == record.capabilities && before.instructions == record.instructions &&
        std::ranges::equal(before.listings, record.listings, same)) {
      it->second.used = ++uses_;
      return;
    }
  }
  write(key, record);
  const auto kept = std::make_shared<const ServerRecord>(std::move(record));
  keep(key, kept);
  tell([&](Reader& reader) { reader.remembered(key, kept); });
}

void Catalog::keep(const CatalogKey& key, RecordPtr record) {
  known_.insert_or_assign(key, Known{std::move(record), ++uses_});
  if (known_.size() > limits_.records) forget_the_eldest();
}

void Catalog::forget_the_eldest() {
  auto eldest = known_.end();
  for (auto it = known_.begin(); it != known_.end(); ++it)
    if (it->second.record.use_count() == 1 &&
        (eldest == known_.end() || it->second.used < eldest->second.used))
      eldest = it;
  if (eldest != known_.end()) known_.erase(eldest);
}

void Catalog::write(const CatalogKey& key, const ServerRecord& record) {
  if (!disk_) return;
  auto text = write_record(identity_of(key), record);
  const auto path = file_of(dir_, key);
  // A file that says what was would be worse than none.
  const bool fits = text.size() <= limits_.file_bytes;
  const bool taken =
      disk_->post([dir = dir_, path, text = fits ? std::move(text) : std::string(), files = limits_.records] {
        std::error_code ignored;
        if (text.empty())
          fs::remove(path, ignored);
        else
          store(dir, path, text, files);
      });
  if (!taken) log::warn("catalog.not_written", {{"server", key.server}, {"reason", "the disk is behind"}});
}

asio::awaitable<Result<void>> Catalog::settled() {
  if (!disk_) co_return Result<void>{};
  co_return co_await disk_->try_run([] { return Result<void>{}; }, limits_.patience);
}

void Catalog::read_by(std::weak_ptr<Reader> reader) {
  std::erase_if(readers_, [](const auto& each) { return each.expired(); });
  readers_.push_back(std::move(reader));
}

template <class Tell>
void Catalog::tell(Tell told) {
  const auto readers = readers_;  // who hears of it may come or go by that
  for (const auto& weak : readers)
    if (const auto reader = weak.lock()) told(*reader);
}

void Catalog::servers_changed() {
  tell([](Reader& reader) { reader.servers_changed(); });
}

}  // namespace holdfast::gateway
